#!/usr/bin/env python3
"""Makes streams that hold nothing odd, with numpy: what alerts on them is false.

    python3 clean.py FOLDER [ROWS [SEED]]

Six files of ROWS rows each (default 1,666,667: ten million in all), one row a second: white noise, autocorrelated (AR(1),
0.95), heavy-tailed (Student's t, 3 degrees of freedom), seasonal (a cycle of an hour with noise), quantised (noise rounded
to whole numbers) and bursty (quiet, with bursts of 20 seconds on average every 200).
"""

import pathlib
import sys

import numpy

START = 1_577_836_800  # 2020-01-01T00:00:00Z


def autocorrelated(noise: numpy.ndarray) -> numpy.ndarray:
    values = numpy.empty_like(noise)
    last = 0.0
    for index, shock in enumerate(noise):
        last = 0.95 * last + shock
        values[index] = last
    return values


def bursty(random: numpy.random.Generator, rows: int) -> numpy.ndarray:
    values = 0.2 * numpy.abs(random.standard_normal(rows))
    at = 0
    while at < rows:
        at += random.geometric(0.005)
        length = random.geometric(0.05)
        burst = values[at : at + length]
        burst[:] = 5 + 3 * numpy.abs(random.standard_normal(len(burst)))
        at += length
    return values


def streams(rows: int, seed: int):
    random = numpy.random.default_rng(seed)
    cycle = numpy.sin(2 * numpy.pi * numpy.arange(rows) / 3_600)
    yield "white", 10 + random.standard_normal(rows)
    yield "autocorrelated", 10 + autocorrelated(random.standard_normal(rows))
    yield "heavy-tailed", 10 + random.standard_t(3, rows)
    yield "seasonal", 10 + 3 * cycle + 0.5 * random.standard_normal(rows)
    yield "quantised", numpy.round(10 + 2 * random.standard_normal(rows))
    yield "bursty", bursty(random, rows)


def main() -> None:
    if not 2 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 1_666_667
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in streams(rows, seed):
        with (folder / f"{name}.csv").open("w") as file:
            file.write("timestamp,value\n")
            file.writelines(f"{START + second},{value:.6g}\n" for second, value in enumerate(values))


if __name__ == "__main__":
    main()
