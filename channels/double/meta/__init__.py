"""Meta, played: Messenger with Instagram, and WhatsApp."""
