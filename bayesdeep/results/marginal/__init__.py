"""What a fit says of its inputs: slopes, contrasts and curves on the response's scale, as statisticians ask for them."""
