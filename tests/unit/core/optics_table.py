#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write the tables that test_optics.c compares the model with, as C, to standard output.

Everything with 120 digits, and by other ways than the model: erfc by its alternating series,
codewords as what is left of 1 when all that can be corrected are taken off, bursts by
convolution. So nothing cancels that matters: of 1 - sum, at least 60 digits stay.
"""

from decimal import Decimal as D, getcontext
from math import comb

getcontext().prec = 120
SYMBOLS, BITS = 544, 10
PI = D('3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803'
       '48253421170679821480865132823066470938446095505822317253594')


def erfc(x):
    """1 - erf(x): the sum of (-1)^n x^(2n+1) / (n! (2n+1))."""
    total, term, n = D(0), x, 0
    while abs(term) > D(10) ** -110 or n < x * x:
        total += term / (2 * n + 1)
        n += 1
        term = -term * x * x / n
    return 1 - 2 / PI.sqrt() * total


def bursts(starts, burst, most):
    """The distribution of the sum of j geometric lengths, j distributed as `starts`."""
    length = [D(0), 1 - burst]
    while len(length) <= most:
        length.append(length[-1] * burst)
    total, power = [D(0)] * (most + 1), [D(1)] + [D(0)] * most
    for weight in starts[:most + 1]:
        total = [t + weight * p for t, p in zip(total, power)]
        power = [sum(power[i] * length[k - i] for i in range(k + 1)) for k in range(most + 1)]
    return total


def lost(ber, burst, most):
    """Codewords with more than `most` wrong symbols."""
    wrong = (1 - (1 - ber) ** BITS) * (1 - burst)
    starts = [comb(SYMBOLS, k) * wrong ** k * (1 - wrong) ** (SYMBOLS - k)
              for k in range(most + 1)]
    return 1 - sum(bursts(starts, burst, most))


def main():
    print('/* Made by optics_table.py. */')
    print('static const struct { double ber, burst; unsigned int t; double log; } lost[] = {')
    for ber in ('1e-6', '2e-6', '5e-6', '1e-5', '2e-5', '5e-5', '1e-4', '2.4e-4', '3e-4', '5e-4',
                '7e-4', '1e-3'):
        for burst in ('0', '0.05', '0.3'):
            for most in (15, 2):
                log = lost(D(ber), D(burst), most).ln()
                print(f'\t{{ {ber}, {burst}, {most}, {log:.15e} }},')
    print('};\n\nstatic const struct { double q, ber; } errors[] = {')
    for q in ('0.5', '1', '1.3', '1.5', '2', '2.5', '3', '3.414', '4', '4.5', '5', '6', '7'):
        ber = D(3) / 8 * erfc(D(q) / D(2).sqrt())
        print(f'\t{{ {q}, {ber:.15e} }},')
    print('};')


if __name__ == '__main__':
    main()
