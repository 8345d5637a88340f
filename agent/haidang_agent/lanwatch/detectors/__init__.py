"""One detector a file, found by folder: a class whose instances are fed frames and answer with changes of incidents.

Each file ends in `DETECTOR = TheClass`; its `takes` names the messages it wants to see, `Frame` for every frame.
"""
