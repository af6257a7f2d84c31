"""Mutation testing: small faults are put into the package one at a time, and the tests must notice each.

`python -m tests.mutation lines slots` tries every mutant of these modules (of the whole package without names);
`docs/mutation.md` says how it works, has the scores, and what is to be said of the survivors.

- `mutants`: the faults themselves, as changed syntax trees;
- `reach`: which test enters which line, measured once and kept;
- `suite`: the tests inside of a process: collected once, run until one fails;
- `faults`: how a fault gets into a process: into a function that is there, or into a module about to be imported;
- `pool`: trials, each a forked process;
- `verdicts`: what came out: log, equivalent mutants, scores.
"""
