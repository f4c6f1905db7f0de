"""What is done with a run, one verb a file; each is `async def stage(run)` and can be started again at any time."""
