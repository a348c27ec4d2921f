"""The source database's rows: a generated stand-in for the lost original (hop 1).

``profile`` has the figures, ``generate`` makes the rows, ``load`` writes them.
"""
