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

    @Test func aPoolWithoutWorkStopsAtOnce() throws {
        try WorkerPool(limit: 4).stop()
    }
}
