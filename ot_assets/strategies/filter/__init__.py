"""Which questions are worth a teacher."""
