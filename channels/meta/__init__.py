"""Meta's Graph API: WhatsApp and Messenger."""
