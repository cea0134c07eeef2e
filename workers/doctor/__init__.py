"""What `allo doctor` looks at: each module examines one thing and says what it found and what to do, in words.

An examination never raises for what is wrong with the thing it examines: that is its finding.
"""
