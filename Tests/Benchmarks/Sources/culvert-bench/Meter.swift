// SPDX-License-Identifier: Apache-2.0
import CHeap
import Glibc

enum Meter {
    /// CPU time of this thread, in seconds.
    static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// What asking for the time costs, which every measured stretch contains once: many stretches are shorter
    /// than a hundred times that.
    static let ownCost = {
        let start = now()
        for _ in 0..<100_000 { _ = now() }
        return (now() - start) / 100_000
    }()

    static func time(_ body: () -> Void) -> Double {
        let start = now()
        body()
        return now() - start
    }

    /// What malloc has given out and not got back.
    static func heapBytes() -> Int {
        Int(heap_bytes())
    }
}
