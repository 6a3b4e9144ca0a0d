"""Questions with known answers, made by our own code, and what is built from them.

`families` draws problems; `train_teacher` trains the embedded teacher on their worked solutions;
`make_samples` writes the stand-ins of the Hub datasets and benchmarks. Run as modules from the repository root.
"""
