"""What made a table: the record of a version, the trail of choices behind it, and the story of one row."""
