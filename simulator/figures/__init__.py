"""Measurements: figures in fixed memory that merge over workers, the audit, the floor, and expectations."""
