"""Characters and words: analyzer, program output, glossary, Chinese."""
