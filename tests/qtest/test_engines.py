# SPDX-License-Identifier: MIT
"""Where engines run: the first few KiB inside the doorbell, the rest in threads, or not."""

import time
import unittest

import sfab
from machine import COUNT, COUNT_AT, MiB, until
from sfab import COMPLETE, HBM, IRQ, SYSTEM, AddressSpace, Lab, Queue, command

HBM_AT, RAM_AT = 32 * MiB, sfab.RAM_FREE


def endless(accel, number=0, **queue):
    """A copy of 400 GiB from a 2 MiB page of HBM to one of RAM, about to begin."""
    vm = AddressSpace(accel, number)
    dst, src = vm.mirror(0, SYSTEM, RAM_AT), vm.mirror(1, HBM, HBM_AT)
    accel.hbm.write(HBM_AT, b"\x77" * (2 * MiB))
    copy = Queue(accel, number, vm=number, **queue)
    copy.put(command(sfab.COPY, dst=dst, src=src, size=400 << 30))
    return copy


def longest_pause(sample, seconds):
    """The longest time between two changes of sample(), and how many there were."""
    last, changes, pause = time.monotonic(), 0, 0.0
    value, end = sample(), last + seconds
    while time.monotonic() < end:
        new, now = sample(), time.monotonic()
        if new != value:
            value, changes = new, changes + 1
            pause, last = max(pause, now - last), now
        time.sleep(0.001)
    return max(pause, time.monotonic() - last), changes


class Threads(unittest.TestCase):

    def test_the_main_loop_does_not_stall(self):
        """QMP and registers answer while both engines copy, 256 MiB and much more."""
        lab = self.enterContext(Lab())
        accel = lab.accels[0]
        queues = [endless(accel, number) for number in range(2)]
        for queue in queues:
            queue.doorbell()
        slowest, answers, end = 0.0, 0, time.monotonic() + 2
        while time.monotonic() < end or accel.counter(2) < 256 * MiB:
            began = time.monotonic()
            lab.machine.qmp("query-status")
            self.assertTrue(accel.r32(sfab.STATUS) & sfab.READY)
            slowest = max(slowest, time.monotonic() - began)
            answers += 1
        self.assertGreater(answers, 50)
        self.assertLess(slowest, 1.0)
        self.assertEqual([queue.head() for queue in queues], [0, 0])

    def test_the_vcpu_does_not_stall(self):
        """A vCPU that counts in RAM keeps counting while an engine copies into it."""
        lab = self.enterContext(Lab(accel="tcg", code=COUNT, properties="engines=1"))
        accel = lab.accels[0]
        until(lambda: lab.ram.u32(COUNT_AT), "the vCPU counts")
        endless(accel).doorbell()
        until(lambda: lab.ram.read(RAM_AT, 1) == b"\x77", "the copy is under way")
        pause, changes = longest_pause(lambda: lab.ram.u32(COUNT_AT), 2)
        self.assertGreater(changes, 50)
        self.assertLess(pause, 1.0)
        self.assertGreater(accel.counter(2), 256 * MiB)

    def test_small_work_is_done_when_the_doorbell_returns(self):
        lab = self.enterContext(Lab())
        vm = AddressSpace(lab.accels[0], 0)
        dst, src = vm.mirror(0, SYSTEM, RAM_AT), vm.mirror(1, HBM, HBM_AT)
        queue = Queue(lab.accels[0], 0)
        queue.run(command(sfab.NOP))
        # A thread that is still about to sleep keeps its engine to itself
        time.sleep(0.2)
        for i in range(1, 50):
            lab.accels[0].hbm.write(HBM_AT, bytes([i]) * 4096)
            queue.submit(command(sfab.COPY, COMPLETE, dst=dst, src=src, size=4096, timeline=i))
            self.assertEqual((queue.value(), queue.head()), (i, i + 1))
            self.assertEqual(lab.ram.read(RAM_AT, 4096), bytes([i]) * 4096)

    def test_more_is_left_to_a_thread(self):
        """The doorbell of much work moves some KiB at most; commands beyond four wait, too."""
        lab = self.enterContext(Lab())
        accel = lab.accels[0]
        queue = endless(accel)
        before = time.monotonic()
        queue.doorbell()
        self.assertLess(time.monotonic() - before, 1.0)
        until(lambda: accel.counter(2) > 8 * MiB, "a thread goes on")
        many = Queue(accel, 1)
        many.run(*(command(sfab.NOP, COMPLETE, timeline=i) for i in range(1, 17)))
        self.assertEqual(many.value(), 16)

    def test_one_thread_per_engine(self):
        lab = self.enterContext(Lab(properties="engines=3"))
        self.assertEqual([len(lab.machine.threads(f"sfab/{i}")) for i in range(4)],
                         [1, 1, 1, 0])

    def test_an_idle_device_sleeps(self):
        lab = self.enterContext(Lab(accels=4, properties="engines=8"))
        for accel in lab.accels:
            AddressSpace(accel, 0)
            Queue(accel, 0).run(command(sfab.NOP))

        def second():
            before = lab.machine.cpu_time()
            time.sleep(1)
            return lab.machine.cpu_time() - before

        # In its first seconds QEMU touches memory of its own for the first time.
        self.assertLess(min(second() for _ in range(4)), 5, "hundredths of a second")

    def test_wait_polls_in_real_time(self):
        """With a clock that runs, a WAIT sees a store within a moment."""
        lab = self.enterContext(Lab(accel="tcg"))
        AddressSpace(lab.accels[0], 0).map(0x1000, 4096, SYSTEM, RAM_AT)
        queue = Queue(lab.accels[0], 0)
        queue.submit(command(sfab.WAIT, COMPLETE, dtype=4, src=0x1000, arg0=1, arg1=1,
                             timeline=1))
        until(lambda: queue.status() & sfab.Q_WAITING, "the queue waits")
        lab.ram.set_u32(RAM_AT, 1)
        queue.wait_value(1)

    def test_time_runs(self):
        lab = self.enterContext(Lab(accel="tcg"))
        before = lab.accels[0].r64(sfab.TIME)
        time.sleep(0.1)
        self.assertGreaterEqual(lab.accels[0].r64(sfab.TIME) - before, 100000000)
        lab.machine.qmp("stop")
        before = lab.accels[0].r64(sfab.TIME)
        time.sleep(0.1)
        self.assertEqual(lab.accels[0].r64(sfab.TIME), before, "it stops with the VM")


class Synchronous(unittest.TestCase):
    """x-engine-sync: everything has happened when the doorbell returns."""

    def setUp(self):
        self.lab = self.enterContext(Lab(properties="x-engine-sync=on"))
        self.accel = self.lab.accels[0]

    def test_done_when_the_doorbell_returns(self):
        self.assertEqual(self.lab.machine.threads("sfab/0"), [])
        vm = AddressSpace(self.accel, 0)
        vm.map(0x10000000, 16 * MiB, HBM, HBM_AT)
        vm.map(0x20000000, 16 * MiB, SYSTEM, RAM_AT)
        queue = Queue(self.accel, 0, vector=1)
        self.lab.ram.write(RAM_AT, b"\x12" * (16 * MiB))
        for value in range(1, 4):
            queue.submit(command(sfab.COPY, COMPLETE | IRQ, dst=0x10000000, src=0x20000000,
                                 size=16 * MiB, timeline=value))
            self.assertEqual((queue.value(), queue.head()), (value, value))
            self.assertTrue(self.accel.take_interrupt(1))
            self.accel.w64(sfab.QUEUE_EVENT, 1)
        self.assertEqual(self.accel.hbm.read(HBM_AT, 16 * MiB), b"\x12" * (16 * MiB))

    def test_invalidation_is_done_at_once(self):
        self.assertTrue(AddressSpace(self.accel, 0).invalidate()())

    def test_wait_polls_with_the_clock(self):
        AddressSpace(self.accel, 0).map(0x1000, 4096, SYSTEM, RAM_AT)
        queue = Queue(self.accel, 0)
        queue.submit(command(sfab.WAIT, COMPLETE, dtype=4, src=0x1000, arg0=1, arg1=1,
                             timeline=1))
        self.assertTrue(queue.status() & sfab.Q_WAITING)
        self.lab.ram.set_u32(RAM_AT, 1)
        self.assertEqual(queue.value(), 0)
        self.lab.machine.clock(100000)
        self.assertEqual(queue.value(), 1)

    def test_a_long_copy_lets_the_guest_run(self):
        """It goes on with the clock, by the same amount in every step."""
        queue = endless(self.accel)
        queue.doorbell()
        steps = []
        for _ in range(4):
            before = self.accel.counter(2)
            self.lab.machine.clock(100000)
            steps.append(self.accel.counter(2) - before)
        self.assertGreaterEqual(steps[-1], 16 * MiB)
        self.assertEqual(steps[-1], steps[-2])
        self.accel.reset()
        before = self.accel.counter(2)
        self.lab.machine.clock(1000000)
        self.assertEqual(self.accel.counter(2), before)

    def test_stop_and_continue(self):
        endless(self.accel).doorbell()
        self.lab.machine.clock(100000)
        self.lab.machine.qmp("stop")
        before = self.accel.counter(2)
        time.sleep(0.05)
        self.assertEqual(self.accel.counter(2), before)
        self.lab.machine.qmp("cont")
        self.lab.machine.clock(100000)
        self.lab.machine.clock(100000)
        self.assertGreater(self.accel.counter(2), before)

    def test_message_to_the_device_itself(self):
        """A message that rings the doorbell does not make the engine run within itself."""
        entry = self.accel.bar4 + 16
        self.lab.machine.write(entry, self.accel.bar0 + 0x10000, 4)
        self.lab.machine.write(entry + 8, 2, 4)
        AddressSpace(self.accel, 0)
        queue = Queue(self.accel, 0, vector=1)
        queue.put(command(sfab.NOP, COMPLETE | IRQ, timeline=1),
                  command(sfab.NOP, COMPLETE, timeline=2))
        queue.doorbell(1)
        self.assertEqual(queue.head(), 1)
        queue.doorbell(2)
        self.assertEqual((queue.value(), queue.head()), (2, 2))


class Icount(unittest.TestCase):
    """Under icount engines are synchronous whatever the property says."""

    def setUp(self):
        self.lab = self.enterContext(Lab(accel="tcg", args=["-icount", "shift=0,sleep=off"]))
        self.accel = self.lab.accels[0]
        AddressSpace(self.accel, 0).map(0x1000, 4096, SYSTEM, RAM_AT)

    def test_done_when_the_doorbell_returns(self):
        self.assertEqual(self.lab.machine.threads("sfab/0"), [])
        queue = Queue(self.accel, 0)
        queue.submit(command(sfab.WRITE, COMPLETE, dtype=8, dst=0x1000, arg0=5, timeline=1))
        self.assertEqual((queue.value(), self.lab.ram.u64(RAM_AT)), (1, 5))

    def test_wait_ends_in_virtual_time(self):
        """The idle guest jumps from timer to timer: a second passes in a moment."""
        queue = Queue(self.accel, 0)
        queue.submit(command(sfab.WAIT, dtype=4, src=0x1000, arg0=1, arg1=1,
                             arg2=1000000000))
        self.assertEqual(queue.wait_fault()[0], sfab.WAIT_TIMEOUT)
