"""A large installation made up: people, conversations, messages and leads in the proportions of a busy business.

`story` invents, `filling` writes, `surrounding` adds what stands around conversations. `years` is another: three years of advertising, for reports. Deterministic by seed; for measuring, never for a real installation.
"""
