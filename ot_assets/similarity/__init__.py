"""Which texts are alike, told exactly and for millions of them. Knows texts and numbers, no tables and no recipes."""
