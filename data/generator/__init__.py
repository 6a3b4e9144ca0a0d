"""Questions with known answers, made by our own code, and what is built from them.

`families` draws problems; `train_teacher` trains the embedded teacher on their worked solutions; `judge_tasks` draws what
a judge is asked about them, and `train_judge` teaches it to the teacher's weights, which become the embedded judge's;
`make_samples` writes the stand-ins of the Hub datasets and benchmarks. Run as modules from the repository root.
"""
