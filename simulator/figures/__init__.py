"""What is measured: figures of fixed memory that merge over workers, the audit, the floor, and what is expected of them."""
