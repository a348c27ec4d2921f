"""The rows of the source database, generated because the original is lost (hop 1).

``profile`` has the figures, ``generate`` generates the rows, ``load`` writes them.
"""
