"""What texts are made of and how much two have in common: words, n-grams, languages. Knows no answer, sample or verdict."""
