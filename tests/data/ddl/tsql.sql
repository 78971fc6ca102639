USE [shop]
GO
SET ANSI_NULLS ON
GO
CREATE TABLE [dbo].[Orders](
	[Id] [int] IDENTITY(1,1) NOT NULL,
	[Name] [nvarchar](max) NULL,
	[Code] [nvarchar](50) NOT NULL,
	[Total] [decimal](10, 2) NULL,
	[IsGift] [bit] NOT NULL,
	[Placed] [datetime2](7) NULL,
	[Guid] [uniqueidentifier] NULL,
	[Score] [float] NULL,
	[Rank] [tinyint] NULL,
	[Raw] [varbinary](max) NULL,
 CONSTRAINT [PK_Orders] PRIMARY KEY CLUSTERED ([Id] ASC, [Rank] DESC)
) ON [PRIMARY]
GO
ALTER TABLE [dbo].[Orders]  WITH CHECK ADD  CONSTRAINT [FK] FOREIGN KEY([Id]) REFERENCES [dbo].[U] ([Id])
GO
CREATE NONCLUSTERED INDEX [IX] ON [dbo].[Orders] ([Code])
GO
