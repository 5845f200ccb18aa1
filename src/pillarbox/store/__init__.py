"""What stays: the only SQL, contents, and signals. Plain functions `f(tx, …)`; `base` is the waist to the engines."""
