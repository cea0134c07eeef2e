"""Two letters for a round badge."""


def initials(name: str) -> str:
    """«Анна Петрова» → «АП», «anna» → «A», nothing → nothing."""
    words = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()
