"""Mail that a provider posts: what each sends, how it proves itself, and the one door.

receiving ─▶ proof                       is it the provider
    └──────▶ mailgun, sendgrid, forms    its fields ─▶ rebuilt: a mail again, when they are not one already
"""
