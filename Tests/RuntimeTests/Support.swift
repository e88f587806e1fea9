// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import DataPlane
import Foundation
import Glibc
import IKE
import Primitives
import Runtime
import Synchronization

let localhost = IPAddress.v4(0x7F00_0001)

func seconds(_ count: Double) -> MonotonicTime { MonotonicTime(nanoseconds: Int64(count * 1e9)) }

/// The two ends of a pipe, closed with the value.
final class Pipe {
    private(set) var reader: Int32
    private(set) var writer: Int32

    init() {
        var ends: [Int32] = [0, 0]
        precondition(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        reader = ends[0]
        writer = ends[1]
    }

    deinit {
        if reader >= 0 { close(reader) }
        if writer >= 0 { close(writer) }
    }

    func closeReader() {
        close(reader)
        reader = -1
    }

    func write(_ text: String) {
        precondition(Glibc.write(writer, text, text.utf8.count) == text.utf8.count)
    }

    func closeWriter() {
        close(writer)
        writer = -1
    }

    /// What is in the pipe now.
    func contents() -> String { readNow(reader) }
}

/// What can be read without waiting.
func readNow(_ descriptor: Int32) -> String {
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return String(decoding: text, as: UTF8.self) }
        text += buffer[..<count]
    }
}

/// A loop that `#expect` can look into: its macro copies what it looks at.
final class LoopBox<Source: Sendable> {
    private var loop: EventLoop<Source>

    init() throws { loop = try EventLoop() }

    func watch(_ descriptor: Int32, _ source: Source) throws { try loop.watch(descriptor, source) }
    func unwatch(_ descriptor: Int32) { loop.unwatch(descriptor) }
    func ready(at index: Int) -> EventLoop<Source>.Ready? { loop.ready(at: index) }

    func wait(until deadline: MonotonicTime?, now: MonotonicTime = .current()) throws -> Int {
        try loop.wait(until: deadline, now: now)
    }
}

/// As ``LoopBox``.
final class ReceiverBox {
    private var receiver: DatagramReceiver

    init() throws { receiver = try DatagramReceiver() }

    func receive(from socket: UDPSocket) throws -> Int { try receiver.receive(from: socket) }
    func datagram(at index: Int) -> DatagramReceiver.Received? { receiver.datagram(at: index) }
    func takeOverflow(of socket: UDPSocket) -> Int { receiver.takeOverflow(of: socket) }
}

/// A folder that goes away with the value.
final class TemporaryFolder: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/culvert-runtime-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { buffer in
            String(cString: mkdtemp(buffer.baseAddress!))
        }
    }

    deinit {
        guard let directory = opendir(path) else { return }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            unlink("\(path)/\(name)")
            rmdir("\(path)/\(name)")
        }
        closedir(directory)
        rmdir(path)
    }

    /// A datagram socket bound to `name`; to be closed.
    func datagramSocket(_ name: String) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        let result = withUnixAddress("\(path)/\(name)") { bind(descriptor, $0, $1) }
        precondition(result == 0, "bind \(name): \(errno)")
        return descriptor
    }

    func write(_ text: String, to name: String, mode: mode_t = 0o600) -> String {
        let file = "\(path)/\(name)"
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL, mode)
        _ = Glibc.write(descriptor, text, text.utf8.count)
        fchmod(descriptor, mode)
        close(descriptor)
        return file
    }
}

/// Calls `bind` or `connect` with the address of a Unix socket.
func withUnixAddress(_ path: String, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            call($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}

/// - Returns: What the program prints until it ends.
func run(_ program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    let output = Foundation.Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return text
}

extension IKESockets.Listen {
    /// Ports of the kernel's choice.
    static var loopback: Self {
        var listen = Self(addresses: [localhost])
        listen.ikePort = 0
        listen.natTraversalPort = 0
        listen.takesESP = false
        return listen
    }
}

extension ControlPlane.Configuration {
    static var nobody: Self {
        Self(
            ike: .init(profiles: []),
            l2tp: .init(hostName: "gw"),
            ppp: .init(name: "gw", authentication: [.pap], mru: 1400),
            pools: [],
            users: []
        )
    }
}

/// A client's end of a Unix socket.
final class UnixClient {
    let descriptor: Int32

    init(_ path: String) {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let result = withUnixAddress(path) { connect(descriptor, $0, $1) }
        precondition(result == 0, "connect \(path): \(errno)")
    }

    deinit { close(descriptor) }

    /// - Returns: 0, or why not.
    static func tryToConnect(_ path: String) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        let result = withUnixAddress(path) { connect(descriptor, $0, $1) }
        return result == 0 ? 0 : errno
    }

    /// Reads nothing.
    ///
    /// - Returns: Whether the other end has closed the connection within a minute.
    func waitForHangUp() -> Bool {
        var watched = pollfd(fd: descriptor, events: 0, revents: 0)
        return poll(&watched, 1, 60_000) == 1
    }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    /// Everything until the other end closes.
    func receiveAll() -> String {
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return String(decoding: text, as: UTF8.self) }
            text += buffer[..<count]
        }
    }
}

/// Asks a control socket; the answer's status and body.
func http(_ path: String, _ request: String) -> (status: Int, body: String) {
    let client = UnixClient(path)
    client.send(request)
    return parse(client.receiveAll())
}

func parse(_ response: String) -> (status: Int, body: String) {
    let parts = response.split(separator: "\r\n\r\n", maxSplits: 1)
    guard let head = parts.first else { return (0, "") }
    let status = head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return (status, parts.count > 1 ? String(parts[1]) : "")
}

func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n" }

func post(_ path: String, _ body: String) -> String {
    "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

/// Writes down what it is asked, answers what it is told.
final class RecordingPlane: DataPlane {
    enum Entry: Hashable, Sendable {
        case submit(DataPlaneRequest, DataPlaneTicket)
        case flush
        case send([UInt8], RequestID, SocketAddress)
        case write([UInt8], KernelSessionID)
        case shutDown
    }

    var entries: [Entry] = []
    var watchChanges: [WatchChange] = []
    var onFlush: (RecordingPlane) -> [DataPlaneNotice] = { _ in [] }
    var onRead: (ReadableSource) -> [DataPlaneNotice] = { _ in [] }
    var onShutDown: () -> Void = {}
    var traffic: [KernelSessionID: TrafficCounters] = [:]
    var ruleSet: RuleSet?

    private var counterAnswers: [DataPlaneNotice] = []

    func submit(_ request: DataPlaneRequest, ticket: DataPlaneTicket) {
        entries.append(.submit(request, ticket))
        if case .readCounters(let sessions) = request {
            let known = traffic.filter { sessions.contains($0.key) }
            counterAnswers.append(.answered(ticket, .counters(known)))
        }
    }

    func flush() -> [DataPlaneNotice] {
        entries.append(.flush)
        defer { counterAnswers = [] }
        return counterAnswers + onFlush(self)
    }

    func read(_ source: ReadableSource) -> [DataPlaneNotice] { onRead(source) }

    func send(_ datagram: [UInt8], on socket: RequestID, to peer: SocketAddress) {
        entries.append(.send(datagram, socket, peer))
    }

    func write(_ frame: [UInt8], to session: KernelSessionID) { entries.append(.write(frame, session)) }

    func takeWatchChanges() -> [WatchChange] {
        defer { watchChanges = [] }
        return watchChanges
    }

    func counters(of session: KernelSessionID) -> TrafficCounters? { traffic[session] }

    func rules() -> RuleSet? { ruleSet }

    func shutDown() {
        entries.append(.shutDown)
        onShutDown()
    }
}

extension RuleSet {
    static let example = RuleSet(
        table: "inet culvert",
        rules: [
            Rule(
                chain: "in",
                hook: "input",
                priority: 200,
                match: "UDP, came in clear",
                action: "it is dropped",
                reason: "It must not be.",
                counter: "refused",
                packets: 7
            ),
            Rule(
                chain: "quotes",
                hook: nil,
                priority: nil,
                match: "ICMP",
                action: "it is dropped",
                reason: "It tells.",
                counter: nil,
                packets: nil
            ),
        ]
    )
}

/// Does as the test says.
struct ScriptedMachine: ShardMachine {
    var deadline: MonotonicTime?
    var idle = true
    var snapshots: [CallSnapshot] = []
    var journal = Journal(limits: Journal.Limits())
    var occupied: [IPAddress: String] = [:]
    var onInput: (inout ScriptedMachine, ControlPlane.Input) -> [ControlPlane.Effect] = { _, _ in [] }
    var onDeadline: (inout ScriptedMachine) -> [ControlPlane.Effect] = { _ in [] }
    var onGauges: () -> Void = {}

    var nextDeadline: MonotonicTime? { deadline }
    var isIdle: Bool { idle }

    mutating func handle(_ input: ControlPlane.Input, at now: MonotonicTime) -> [ControlPlane.Effect] {
        onInput(&self, input)
    }
    mutating func advance(to now: MonotonicTime) -> [ControlPlane.Effect] { onDeadline(&self) }
    func matching(_ selector: CallSelector, at now: MonotonicTime) -> [CallSnapshot] {
        snapshots.filter { call in
            switch selector {
            case .trace(let trace): call.state != "keying" && call.trace == trace.description
            case .user(let name): call.user == name
            case .all: call.state != "keying"
            case .peer, .peers, .innerAddress, .interface: false
            }
        }
    }
    func count(matching selector: CallSelector) -> Int { matching(selector, at: MonotonicTime(nanoseconds: 0)).count }
    func halfOpenPeers(at now: MonotonicTime) -> [CallSnapshot] { snapshots.filter { $0.state == "keying" } }

    func occupants(under configuration: ControlPlane.Configuration) -> [IPAddress: String] { occupied }

    func listing(_ selector: CallSelector, includesHalfOpen: Bool) -> CallListing {
        let now = MonotonicTime(nanoseconds: 0)
        return CallListing(showing: matching(selector, at: now) + (includesHalfOpen ? halfOpenPeers(at: now) : []))
    }
    func advance(_ listing: inout CallListing, by count: Int, at now: MonotonicTime) {}

    func gauges() -> ControlPlane.Gauges {
        onGauges()
        return ControlPlane.Gauges()
    }

    var glance: Glance { Glance(callsUp: snapshots.count, keying: 0, pools: []) }

    func status(at now: MonotonicTime) -> StatusSnapshot {
        StatusSnapshot(
            callCount: snapshots.count,
            ikeCount: 0,
            childCount: 0,
            tunnelCount: 0,
            sessionCount: 0,
            pools: []
        )
    }

    var traces: [Trace] { journal.all }
    func explanation(of selector: TraceSelector, at now: MonotonicTime) -> Explanation? {
        let trace: Trace? =
            switch selector {
            case .trace(let id): journal.trace(id)
            case .peer(let address): journal.newest(of: address)
            case .last: journal.last
            }
        return trace.map { Explanation(of: $0, nil, traceLimit: 7, at: now) }
    }
}

extension CallSnapshot {
    static func example(trace: String, user: String? = nil, interface: String? = nil, session: UInt16 = 1) -> Self {
        var call = CallSnapshot(
            trace: trace,
            state: "up",
            ageSeconds: 1.5,
            ike: IKEPart(
                local: "192.0.2.1:4500",
                peer: "203.0.113.10:62000",
                profile: "remote-access",
                identity: nil,
                state: "established",
                transform: nil,
                peerBehindNAT: true,
                localBehindNAT: false
            ),
            esp: []
        )
        call.user = user
        call.interface = interface
        call.innerAddress = "10.99.0.2"
        call.l2tp = L2TPPart(tunnel: 7, peerTunnel: 8, session: session, peerSession: 9, hostName: nil)
        return call
    }
}

/// Runs `body` on a thread of its own, since it blocks, and waits for it without blocking the others.
func onThread<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
    }
}

/// Runs `body` on a thread that nothing else ever runs on or is started from.
func onPrivateThread(_ body: @escaping @Sendable () -> Void) {
    final class Work {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let work = Unmanaged.passRetained(Work(body)).toOpaque()
    let result = pthread_create(
        &thread,
        nil,
        { argument in
            if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
            return nil
        },
        work
    )
    precondition(result == 0)
    pthread_join(thread, nil)
}
