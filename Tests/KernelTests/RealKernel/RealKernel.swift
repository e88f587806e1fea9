// SPDX-License-Identifier: Apache-2.0
import CLinux
import DataPlane
import Glibc
import Kernel
import Primitives
import Synchronization
import Testing

/// Tests that need root and a kernel with ESP, L2TP and PPP, in network namespaces of their own.
/// Set `CULVERT_KERNEL_TESTS=1` to run them. One at a time: they count what is open in this process.
@Suite(.enabled(if: RealKernel.isWanted), .serialized)
enum RealKernelTests {}

/// What those tests stand on.
enum RealKernel {
    static let isWanted: Bool = {
        let isWanted = getenv("CULVERT_KERNEL_TESTS").map { String(cString: $0) } == "1"
        if !isWanted { print("skipped: the tests that need a real kernel (set CULVERT_KERNEL_TESTS=1 and be root)") }
        return isWanted
    }()

    /// Runs a test on a thread of its own, which may change namespaces.
    static func onThread(_ body: @escaping @Sendable () throws -> Void) throws {
        let work = Work(body: body)
        var thread = pthread_t()
        let context = Unmanaged.passRetained(work).toOpaque()
        pthread_create(
            &thread,
            nil,
            { context in
                guard let context else { return nil }
                let work = Unmanaged<Work>.fromOpaque(context).takeRetainedValue()
                do { try work.body() } catch { work.failure.withLock { $0 = error } }
                return nil
            },
            context
        )
        pthread_join(thread, nil)
        if let failure = work.failure.withLock({ $0 }) { throw failure }
    }

    private final class Work: Sendable {
        let body: @Sendable () throws -> Void
        let failure = Mutex<(any Error)?>(nil)

        init(body: @escaping @Sendable () throws -> Void) {
            self.body = body
        }
    }

    /// Runs a shell command; returns what it printed.
    @discardableResult
    static func shell(_ command: String) -> String {
        guard let pipe = popen(command + " 2>&1", "r") else { return "" }
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = fread(&chunk, 1, chunk.count, pipe)
            guard count > 0 else { break }
            output += chunk[..<count]
        }
        pclose(pipe)
        return String(decoding: output, as: UTF8.self)
    }

    /// Runs a test on a thread of its own in network namespaces of its own.
    static func inNamespaces(_ names: String..., body: @escaping @Sendable () throws -> Void) throws {
        try onThread {
            for name in names { shell("ip netns add \(name); ip -n \(name) link set lo up") }
            defer { for name in names { shell("ip netns del \(name)") } }
            try body()
        }
    }

    /// How many descriptors of this process are open on something.
    static func descriptors(_ what: String) -> Int {
        var target = [CChar](repeating: 0, count: 64)
        return (0..<1024).count { descriptor in
            let length = readlink("/proc/self/fd/\(descriptor)", &target, target.count)
            guard length > 0 else { return false }
            return String(decoding: target.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self).hasPrefix(what)
        }
    }

    /// What a file holds.
    static func text(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        return String(decoding: bytes.prefix(fread(&bytes, 1, bytes.count, file)), as: UTF8.self)
    }

    static var milliseconds: Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}

/// A machine: a network namespace, and a data plane in it. The thread that uses it is moved there and stays.
final class Node {
    let name: String
    let plane: KernelDataPlane
    private let epoll = culvert_epoll_create()
    private var watched: [Int32: ReadableSource] = [:]
    private var ticket: UInt64 = 0
    private var unanswered = 0
    private(set) var answers: [DataPlaneTicket: DataPlaneOutcome] = [:]
    private(set) var datagrams: [(on: RequestID, from: SocketAddress, bytes: [UInt8])] = []
    private(set) var frames: [(session: KernelSessionID, bytes: [UInt8])] = []
    private(set) var others: [DataPlaneNotice] = []

    init(
        _ name: String,
        workers: Int = 16,
        noticeBuffer: Int32 = 4 << 20,
        patience: Int32? = nil,
        faults: FaultPlan? = nil
    ) throws {
        self.name = name
        Self.enter(name)
        plane = try KernelDataPlane(
            workers: workers,
            noticeBuffer: noticeBuffer,
            patience: patience,
            faults: faults
        )
    }

    /// Forgets the notices there were.
    func takeOthers() -> [DataPlaneNotice] {
        defer { others.removeAll() }
        return others
    }

    /// setns(2), which the C library declares for _GNU_SOURCE only.
    private static let setNamespace = dlsym(nil, "setns").map {
        unsafeBitCast($0, to: (@convention(c) (Int32, Int32) -> Int32).self)
    }

    static func enter(_ name: String) {
        let descriptor = open("/run/netns/\(name)", O_RDONLY | O_CLOEXEC)
        defer { close(descriptor) }
        #expect(setNamespace?(descriptor, 0x4000_0000) == 0, "no namespace \(name)")  // CLONE_NEWNET
    }

    @discardableResult
    func submit(_ request: DataPlaneRequest) -> DataPlaneTicket {
        ticket += 1
        unanswered += 1
        plane.submit(request, ticket: DataPlaneTicket(rawValue: ticket))
        return DataPlaneTicket(rawValue: ticket)
    }

    /// Performs requests and returns their outcomes, waiting for late ones.
    func perform(_ requests: [DataPlaneRequest]) -> [DataPlaneOutcome] {
        let tickets = requests.map { submit($0) }
        run(milliseconds: 60_000) { unanswered == 0 }
        return tickets.compactMap { answers[$0] }
    }

    /// Runs the event loop until something is true, or for a while.
    func run(milliseconds: Int = 20_000, until isDone: () -> Bool = { false }) {
        Self.enter(name)
        let deadline = RealKernel.milliseconds + milliseconds
        note(plane.flush())
        while !isDone() {
            carryOutWatchChanges()
            let left = deadline - RealKernel.milliseconds
            guard left > 0 else { return }
            var tokens = [UInt64](repeating: 0, count: 64)
            var flags = [UInt32](repeating: 0, count: 64)
            let count = culvert_epoll_wait(epoll, &tokens, &flags, Int32(tokens.count), Int32(left))
            for token in tokens.prefix(Int(max(count, 0))) {
                guard let source = watched[Int32(truncatingIfNeeded: token)] else { continue }
                note(plane.read(source))
            }
            note(plane.flush())
        }
    }

    private func carryOutWatchChanges() {
        for change in plane.takeWatchChanges() {
            switch change {
            case .watch(let descriptor, let source):
                if watched[descriptor] != nil { Issue.record("watched twice: \(descriptor)") }
                watched[descriptor] = source
                let result = culvert_epoll_watch(epoll, descriptor, UInt64(descriptor))
                if result != 0 { Issue.record("not to be watched: \(descriptor), errno \(-result)") }
            case .unwatch(let descriptor):
                if watched.removeValue(forKey: descriptor) == nil { Issue.record("not watched: \(descriptor)") }
                if fcntl(descriptor, F_GETFD) < 0 { Issue.record("closed before it was unwatched: \(descriptor)") }
                let result = culvert_epoll_unwatch(epoll, descriptor)
                if result != 0 { Issue.record("not to be unwatched: \(descriptor), errno \(-result)") }
            }
        }
    }

    private func note(_ notices: [DataPlaneNotice]) {
        for notice in notices {
            switch notice {
            case .answered(let ticket, let outcome):
                if answers[ticket] != nil { Issue.record("answered twice") }
                answers[ticket] = outcome
                unanswered -= 1
            case .datagram(let socket, let peer, let bytes): datagrams.append((socket, peer, bytes))
            case .frame(let session, let bytes): frames.append((session, bytes))
            case .expired, .mappingChanged, .vanished, .noticesLost: others.append(notice)
            }
        }
    }

    deinit {
        _ = close(epoll)
    }

    func shutDown() {
        Self.enter(name)
        plane.shutDown()
        watched.removeAll()
    }

    /// What an operator's tools show of us in the kernel; empty if nothing is left.
    func remains() -> String {
        let table = RealKernel.shell("ip netns exec \(name) cat /proc/net/pppol2tp").split(separator: "\n").dropFirst(6)
        return table.joined(separator: "\n")
            + RealKernel.shell(
                "ip -n \(name) xfrm state; ip -n \(name) -o link show type ppp; "
                    + "ip -n \(name) -o link show type dummy; ip netns exec \(name) nft list ruleset; "
                    + "ip -n \(name) route show proto \(Ownership.routeProtocol)"
            )
    }
}
