"""Every page of the inbox. One module per resource, each with its addresses and the rights they take in PAGES."""
