"""What models are told: one file for each task, of which the hash is the version."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from string import Template

import msgspec

from ibert.model.extraction import Language
from ibert.model.generation import Chat, Message


class TaskPrompt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model is told for one task; `task_prompt` reads it.

    Parameters
    ----------
    language
        What the answer is written in.
    system
        The system message.
    user
        The message with the input, with `$fields`.
    feedback
        What follows an answer that is not right, with `$problem`.
    examples
        The fields of inputs, each with the `answer` to it.
    version
        The hash of the file.
    """

    language: Language
    system: str
    user: str
    feedback: str
    examples: tuple[dict[str, str], ...] = ()
    version: str = ""

    def chat(self, fields: Mapping[str, str]) -> Chat:
        """Give the conversation that asks for one answer.

        Examples
        --------
        >>> chat = task_prompt("qa").chat({"question": "How do I count?", "sources": "-"})
        >>> [message.role for message in chat.messages]
        ['system', 'user']
        """
        messages = [Message("system", self.system.strip())]
        for example in self.examples:
            messages += [self._asked(example), Message("assistant", example["answer"].strip())]
        return Chat((*messages, self._asked(fields)))

    def after(self, chat: Chat, answer: str, problem: str) -> Chat:
        """Give the conversation that goes on after an answer that is not right."""
        said = Template(self.feedback.strip()).substitute(problem=problem)
        return Chat((*chat.messages, Message("assistant", answer), Message("user", said)))

    def _asked(self, fields: Mapping[str, str]) -> Message:
        stripped = {name: value.strip() for name, value in fields.items()}
        return Message("user", Template(self.user.strip()).substitute(stripped))


@functools.cache
def task_prompt(task: str) -> TaskPrompt:
    """Read the prompt of a task.

    Examples
    --------
    >>> task_prompt("sql_to_ibis").language
    'python'
    """
    text = files(__name__).joinpath(f"{task}.toml").read_bytes()
    version = hashlib.sha256(text).hexdigest()[:12]
    return msgspec.convert({**tomllib.loads(text.decode()), "version": version}, TaskPrompt)


def described(schemas: Mapping[str, Mapping[str, str]]) -> str:
    """Give tables as a model reads them: one line for each, `!` for what is never NULL.

    Examples
    --------
    >>> described({"orders": {"id": "!int64", "status": "string"}})
    'orders(id: !int64, status: string)'
    """
    return "\n".join(
        f"{table}({', '.join(f'{column}: {dtype}' for column, dtype in schema.items())})"
        for table, schema in schemas.items()
    )
