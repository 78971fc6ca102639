"""A model behind an OpenAI-compatible server: vLLM, llama.cpp, Ollama, `transformers serve`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ibert.model.generation import Chat, Generated, GenerationSettings, Prompt
from ibert.model.missing import missing, require
from ibert.model.settings import API_KEY

SECONDS = 300.0  # until an answer has to be there


class Endpoint:
    """A model behind an OpenAI-compatible server.

    Parameters
    ----------
    url
        Where the API begins: `http://127.0.0.1:8000/v1`.
    model
        Its name there.
    key
        The server's key, if it wants one.

    Raises
    ------
    IbertError
        IB901 if the package openai is missing.
    """

    def __init__(self, url: str, model: str, key: str | None = None) -> None:
        self._openai: Any = require("openai")
        self._url = url
        self._model = model
        self._client = self._openai.OpenAI(
            base_url=url, api_key=key or "none", max_retries=2, timeout=SECONDS
        )

    @property
    def fills_in(self) -> bool:
        """Whether it takes code with a gap: few servers do, and none says so."""
        return False

    def generate(
        self, prompts: Sequence[Prompt], settings: GenerationSettings
    ) -> list[list[Generated]]:
        """Give each prompt's candidates, one request for each.

        Raises
        ------
        IbertError
            IB904 if the server is not there, wants another key or model, or cannot fill in code.
        """
        found = []
        for prompt in prompts:
            seeds = range(settings.seed, settings.seed + settings.candidates)
            found.append([self._ask(prompt, settings, seed) for seed in seeds])
        return found

    def _ask(self, prompt: Prompt, settings: GenerationSettings, seed: int) -> Generated:
        shared = {
            "model": self._model,
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "seed": seed,
            "max_tokens": settings.max_new_tokens,
        }
        openai = self._openai
        try:
            if isinstance(prompt, Chat):
                messages = [{"role": one.role, "content": one.content} for one in prompt.messages]
                answer = self._client.chat.completions.create(messages=messages, **shared)
            else:
                answer = self._client.completions.create(
                    prompt=prompt.prefix, suffix=prompt.suffix, **shared
                )
        except openai.APIConnectionError as error:
            raise self._missing(
                "does not answer", f"start the server: vllm serve {self._model}"
            ) from error
        except openai.AuthenticationError as error:
            raise self._missing("wants a key", f"export {API_KEY}=…") from error
        except openai.APIStatusError as error:
            reason = f"answers with {error.status_code}: {_first_line(error)}"
            raise self._missing(reason, f"curl {self._url}/models") from error
        return _generated(answer)

    def _missing(self, what: str, command: str) -> Exception:
        return missing("IB904", f"the server at {self._url} {what}", command)


def _generated(answer: Any) -> Generated:
    """Read an answer of either API."""
    choice = answer.choices[0]
    text = choice.message.content if hasattr(choice, "message") else choice.text
    usage = answer.usage
    return Generated(
        text=(text or "").encode(errors="replace").decode(),  # JSON may hold half a character
        prompt_tokens=usage.prompt_tokens if usage else 0,
        tokens=usage.completion_tokens if usage else 0,
        finished=choice.finish_reason != "length",
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]
