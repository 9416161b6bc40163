"""Telegram, played: updates of a bot, and the methods it may call."""
