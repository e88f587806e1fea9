// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What the kernel is asked to do. Requests about one object are performed in the order given.
package enum DataPlaneRequest: Hashable, Sendable {
    /// Makes the socket with its policies and starts watching it.
    case openSocket(TunnelSocket)
    /// Fixes the peer of a tunnel socket: from then on it takes packets of that address and port only.
    case connectSocket(RequestID, to: SocketAddress)
    case closeSocket(RequestID)
    case install(SecurityAssociation)
    case remove(SecurityAssociation.ID)
    /// The peer's end of a standing association is here now, with UDP encapsulation if it had any. Sequence numbers
    /// and replay window live on. Where only the port is new the association is changed in place; with another
    /// address it is replaced, and an outbound one then has that address as destination of its id.
    case move(SecurityAssociation.ID, SecurityAssociation.Direction, to: SocketAddress)
    /// Makes tunnel (if this is its first session), session, channel and unit; may answer late.
    case createSession(L2TPSession)
    case bringUp(PPPInterface)
    /// Of the unit of a session, up or not; may answer late.
    case setMTU(KernelSessionID, Int)
    /// The largest packet that goes to the peer of a tunnel socket in one piece, as far as the kernel knows: by the
    /// device, by the route, or because a router said so. Answered with ``DataPlaneOutcome/pathMTU(_:)``.
    case readPathMTU(RequestID)
    /// Sends a datagram to the peer of a tunnel socket as if from there, and lets nobody cut it: where it does not fit
    /// it is lost, and a router tells the kernel what would.
    case probePath(RequestID, [UInt8])
    /// Takes the interface, the channel and the session down; may answer late.
    case removeSession(KernelSessionID)
    /// Answered with ``DataPlaneOutcome/counters(_:)``: those sessions that are there, and perhaps others.
    case readCounters([KernelSessionID])
    /// Answered with ``DataPlaneOutcome/inventory(_:)``: everything of ours that the kernel holds.
    case takeInventory
    /// Our end of calls: an inner address of the gateway's own. Those of the start are there before the first request.
    case addGatewayAddress(IPAddress)
    case removeGatewayAddress(IPAddress)
}

/// Names one request, so that its answer finds the way back.
package struct DataPlaneTicket: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }
}

/// What came of a request.
package enum DataPlaneOutcome: Hashable, Sendable {
    case done
    /// The session is up in the kernel, its unit has this name and index.
    case created(interfaceName: String, interfaceIndex: Int)
    case counters([KernelSessionID: TrafficCounters])
    case inventory(KernelInventory)
    /// Bytes of an outer packet.
    case pathMTU(Int)
    case failed(DataPlaneError)
}

/// What the kernel holds that carries our mark.
package struct KernelInventory: Hashable, Sendable {
    package var associations: Set<SecurityAssociation.ID>
    package var sessions: Set<KernelSessionID>

    package init(associations: Set<SecurityAssociation.ID> = [], sessions: Set<KernelSessionID> = []) {
        self.associations = associations
        self.sessions = sessions
    }
}

/// Something of ours that can go without our doing.
package enum KernelObject: Hashable, Sendable {
    case association(SecurityAssociation.ID)
    case session(KernelSessionID)
}

/// Why the kernel refused.
package struct DataPlaneError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The step, in the kernel's words: `XFRM_MSG_NEWSA`, `PPPIOCGCHAN`.
    package var step: String
    /// The errno value, positive.
    package var code: Int32
    /// What the kernel said beyond the number, if it did.
    package var text: String?

    package init(step: String, code: Int32, text: String? = nil) {
        self.step = step
        self.code = code
        self.text = text
    }

    /// Somebody else holds this object already: EEXIST.
    package var isExists: Bool { code == 17 }

    package var description: String { "\(step): errno \(code)" + (text.map { " (\($0))" } ?? "") }
}

/// What the data plane has to tell: late answers, received bytes, and what the kernel does on its own.
package enum DataPlaneNotice: Hashable, Sendable {
    case answered(DataPlaneTicket, DataPlaneOutcome)
    /// A datagram on a tunnel socket: L2TP control messages, and data for sessions the kernel does not know yet.
    case datagram(RequestID, from: SocketAddress, [UInt8])
    /// A PPP frame the kernel does not carry itself: two bytes of protocol, then the packet.
    case frame(KernelSessionID, [UInt8])
    /// A security association reached its soft or hard lifetime.
    case expired(SecurityAssociation.ID, requestID: UInt32, isHard: Bool)
    /// ESP of this association came from another address or port.
    case mappingChanged(SecurityAssociation.ID, requestID: UInt32, to: SocketAddress)
    /// Somebody removed this; perhaps we ourselves.
    case vanished(KernelObject)
    /// The kernel dropped notices; what it holds must be asked for.
    case noticesLost
}

/// Which descriptor is readable; the event loop stores it and hands it back.
package enum ReadableSource: Hashable, Sendable {
    case socket(RequestID)
    case channel(KernelSessionID)
    case unit(KernelSessionID)
    /// Work that was done off the event loop.
    case completions
    case xfrmNotices
    /// Devices of ours that somebody deleted.
    case linkNotices
    /// L2TP tunnels and sessions that somebody deleted.
    case tunnelNotices
}

/// What the event loop must change in what it watches. Descriptors are watched for reading, level-triggered.
package enum WatchChange: Hashable, Sendable {
    case watch(descriptor: Int32, ReadableSource)
    /// Comes before the descriptor is closed.
    case unwatch(descriptor: Int32)
}

/// The kernel, as the event loop sees it. Implemented over netlink in the daemon; by one that says
/// yes to everything for dry runs and benchmarks; by a recorder in tests.
///
/// One thread owns it. Nothing here blocks for longer than a netlink round trip: what would
/// (closing sockets, making channels) goes to threads of the implementation's own.
package protocol DataPlane: AnyObject {
    /// Takes a request. It may be held back until ``flush()`` so that several make one system call.
    func submit(_ request: DataPlaneRequest, ticket: DataPlaneTicket)
    /// Performs what was held back and returns the answers known by now.
    func flush() -> [DataPlaneNotice]
    /// Reads from a source whose descriptor became readable; bounded, so call again while it is.
    func read(_ source: ReadableSource) -> [DataPlaneNotice]
    /// Sends on a tunnel socket. A full buffer drops the datagram: the protocols retransmit.
    func send(_ datagram: [UInt8], on socket: RequestID, to peer: SocketAddress)
    /// Writes a PPP frame (two bytes of protocol, then the packet) to a created session's channel.
    func write(_ frame: [UInt8], to session: KernelSessionID)
    /// What changed in the set of descriptors since the last call.
    func takeWatchChanges() -> [WatchChange]
    /// Bytes and packets the kernel carried for a session; `nil` if it is unknown.
    func counters(of session: KernelSessionID) -> TrafficCounters?
    /// The rules that every packet of the machine meets, with what they counted; `nil` if there are none.
    func rules() -> RuleSet?
    /// Removes everything of ours, waiting for it as long as needed.
    func shutDown()
}

extension DataPlane {
    package func rules() -> RuleSet? { nil }
}

/// What the kernel counted on an interface.
package struct TrafficCounters: Hashable, Sendable {
    package var receivedPackets: UInt64
    package var receivedBytes: UInt64
    package var sentPackets: UInt64
    package var sentBytes: UInt64
    /// Since the last IP packet in either direction; `nil` if nobody counts that.
    package var idleSeconds: UInt64?

    package init(receivedPackets: UInt64, receivedBytes: UInt64, sentPackets: UInt64, sentBytes: UInt64) {
        self.receivedPackets = receivedPackets
        self.receivedBytes = receivedBytes
        self.sentPackets = sentPackets
        self.sentBytes = sentBytes
    }
}
