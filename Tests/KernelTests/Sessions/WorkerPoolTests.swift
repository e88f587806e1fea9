// SPDX-License-Identifier: Apache-2.0
import Glibc
import Kernel
import Synchronization
import Testing

struct WorkerPoolTests {
    @Test func everyJobIsDoneBeforeThePoolStops() throws {
        let pool = try WorkerPool(limit: 4)
        let done = Atomic(0)
        let threads = Mutex<Set<UInt>>([])
        for _ in 0..<500 {
            pool.submit { _ in
                done.add(1, ordering: .relaxed)
                threads.withLock { _ = $0.insert(UInt(pthread_self())) }
            }
        }
        pool.stop()
        let count = done.load(ordering: .relaxed)
        #expect(count == 500)
        #expect((1...4).contains(threads.withLock { $0.count }))
    }

    @Test func jobsThatWaitDoNotHoldOthersUp() throws {
        let pool = try WorkerPool(limit: 2)
        let isReleased = Atomic(false)
        // The first job ends only when the second has run.
        pool.submit { _ in while !isReleased.load(ordering: .acquiring) { usleep(1000) } }
        pool.submit { _ in isReleased.store(true, ordering: .releasing) }
        pool.stop()
        let wasReleased = isReleased.load(ordering: .acquiring)
        #expect(wasReleased)
    }

    @Test("N01: where no thread can be started the work is done all the same, by a thread as soon as one can be")
    func withoutThreads() throws {
        let faults = FaultPlan()
        faults.inject(.refusal(EAGAIN), at: "pthread_create", times: 3)
        let pool = try WorkerPool(limit: 2, faults: faults)
        let here = UInt(pthread_self())
        let threads = Mutex<[UInt]>([])
        for number in 1...4 {
            pool.submit { _ in threads.withLock { $0.append(UInt(pthread_self())) } }
            if number <= 3 { #expect(threads.withLock { $0 } == Array(repeating: here, count: number)) }
        }
        pool.stop()
        #expect(faults.clear())
        let all = threads.withLock { $0 }
        #expect(all.count == 4 && all.last != here)
    }

    @Test("N01: a thread that cannot be started leaves its work to those there are")
    func oneThreadOnly() throws {
        let faults = FaultPlan()
        faults.inject(.refusal(EAGAIN), at: "pthread_create", pass: 1, times: .max)
        let pool = try WorkerPool(limit: 4, faults: faults)
        let here = UInt(pthread_self())
        let threads = Mutex<Set<UInt>>([])
        for _ in 0..<50 { pool.submit { _ in threads.withLock { _ = $0.insert(UInt(pthread_self())) } } }
        pool.stop()
        #expect(threads.withLock { $0.count == 1 && !$0.contains(here) })
    }

    @Test func aPoolWithoutWorkStopsAtOnce() throws {
        try WorkerPool(limit: 4).stop()
    }
}
