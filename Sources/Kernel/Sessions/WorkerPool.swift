// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import DataPlane
internal import Glibc
internal import Synchronization

/// Threads for the kernel calls that wait for an RCU grace period. The threads spend their time asleep in the kernel:
/// how many there are decides how many grace periods are waited for at once, not how much CPU is used.
///
/// Threads are started as they are needed, and stay.
package final class WorkerPool: Sendable {
    package typealias Job = @Sendable (WorkerSockets) -> Void

    private struct State {
        var jobs: [Job?] = []
        var head = 0
        var idle = 0
        var threads: [pthread_t] = []

        var waiting: Int { jobs.count - head }

        /// `nil`: the thread shall end.
        mutating func next() -> Job? {
            defer {
                head += 1
                if head == jobs.count {
                    jobs.removeAll(keepingCapacity: true)
                    head = 0
                }
            }
            defer { jobs[head] = nil }
            return jobs[head]
        }
    }

    private let state = Mutex(State())
    private let limit: Int
    private let faults: FaultPlan?
    private let patience: Int32
    /// Counts the jobs that nobody has taken yet.
    private let available: Int32

    package convenience init(limit: Int, faults: FaultPlan? = nil) throws(DataPlaneError) {
        try self.init(limit: limit, patience: NetlinkSocket.patience, faults: faults)
    }

    /// - Parameter patience: Milliseconds that the threads' netlink sockets wait for an answer.
    init(limit: Int, patience: Int32, faults: FaultPlan?) throws(DataPlaneError) {
        self.limit = limit
        self.patience = patience
        self.faults = faults
        available = culvert_eventfd_semaphore()
        guard available >= 0 else { throw DataPlaneError(step: "eventfd", code: -available) }
    }

    deinit {
        _ = close(available)
    }

    /// Has a thread do a job. Where not even one thread can be started it is done at once: that takes a while, but
    /// nobody waits for ever.
    package func submit(_ job: @escaping Job) {
        let needsThread = state.withLock { state in
            state.jobs.append(job)
            return state.waiting > state.idle && state.threads.count < limit
        }
        if needsThread, !startThread(), state.withLock({ $0.threads.isEmpty }) {
            workOff()
            return
        }
        _ = culvert_eventfd_give(available, 1)
    }

    /// Does what waits on the caller's thread.
    private func workOff() {
        let sockets = WorkerSockets(patience: patience, faults: faults)
        while let job = state.withLock({ $0.waiting > 0 ? $0.next() : nil }) { job(sockets) }
    }

    /// Lets the threads finish what was submitted, and ends them.
    package func stop() {
        let threads = state.withLock { state in
            state.jobs += Array(repeating: nil, count: state.threads.count)
            return state.threads
        }
        guard !threads.isEmpty else { return }
        _ = culvert_eventfd_give(available, UInt64(threads.count))
        for thread in threads { pthread_join(thread, nil) }
        state.withLock { $0.threads.removeAll() }
    }

    private func startThread() -> Bool {
        guard faults?.fault(at: "pthread_create") == nil else { return false }
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self).toOpaque()
        let result = pthread_create(
            &thread,
            nil,
            { context in
                guard let context else { return nil }
                Unmanaged<WorkerPool>.fromOpaque(context).takeRetainedValue().run()
                return nil
            },
            context
        )
        guard result == 0 else {
            Unmanaged<WorkerPool>.fromOpaque(context).release()
            return false
        }
        state.withLock { $0.threads.append(thread) }
        return true
    }

    private func run() {
        _ = culvert_block_all_signals()
        let sockets = WorkerSockets(patience: patience, faults: faults)
        while true {
            state.withLock { $0.idle += 1 }
            let taken = culvert_eventfd_take(available)
            guard taken > 0 else {
                state.withLock { $0.idle -= 1 }
                continue
            }
            let job = state.withLock { state in
                state.idle -= 1
                return state.next()
            }
            guard let job else { return }
            job(sockets)
        }
    }
}

/// The netlink sockets of one thread, opened when first needed.
package final class WorkerSockets {
    private var open: [NetlinkSocket.Family: NetlinkSocket] = [:]
    private let patience: Int32
    let faults: FaultPlan?

    init(patience: Int32, faults: FaultPlan?) {
        self.patience = patience
        self.faults = faults
    }

    var route: NetlinkSocket { get throws(DataPlaneError) { try socket(.route) } }
    var generic: NetlinkSocket { get throws(DataPlaneError) { try socket(.generic) } }
    var xfrm: NetlinkSocket { get throws(DataPlaneError) { try socket(.xfrm) } }

    private func socket(_ family: NetlinkSocket.Family) throws(DataPlaneError) -> NetlinkSocket {
        if let socket = open[family] { return socket }
        let socket = try NetlinkSocket(family, patience: patience, faults: faults)
        open[family] = socket
        return socket
    }
}
