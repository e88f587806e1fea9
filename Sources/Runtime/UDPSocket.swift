// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
internal import Kernel
package import Primitives

/// A bound UDP socket that tells to which address every datagram was sent, and answers from it.
///
/// Culvert opens these for IKE only, on UDP 500 and 4500. Nobody binds UDP 1701: clear text for it is
/// dropped by the rule set of the data plane, and what comes out of ESP goes to the private port of
/// the peer's own tunnel socket. IKE passes the kernel's policies because there are none for its
/// ports: all of ours hang on tunnel sockets.
///
/// Addresses of the link-local scope are not served: a scope has no place in ``SocketAddress``.
package final class UDPSocket {
    private let descriptor: OwnedDescriptor
    private let sender: OpaquePointer
    /// The address and port it is bound to; the address may be unspecified.
    package let local: SocketAddress
    /// What the kernel said last about datagrams it has thrown away here, modulo 2^32.
    fileprivate var overflow: UInt32 = 0

    package struct SendOutcome: Hashable, Sendable {
        package var sent = 0
        /// For want of buffer.
        package var dropped = 0
        /// Refused by the kernel: no route to the peer, say.
        package var failed = 0

        package init(sent: Int = 0, dropped: Int = 0, failed: Int = 0) {
            self.sent = sent
            self.dropped = dropped
            self.failed = failed
        }
    }

    /// - Parameters:
    ///   - local: With port 0 the kernel chooses one.
    ///   - isEncapsulating: The kernel takes ESP in UDP out of the stream (RFC 3948).
    /// - Throws: With `EADDRINUSE` if somebody has the port, `EACCES` without the right to bind it.
    package init(bindingTo local: SocketAddress, isEncapsulating: Bool = false) throws(SystemError) {
        var address = culvert_address(local)
        // Eight megabytes: a burst of first messages from thousands of peers.
        let opened = culvert_udp_open(&address, 8 << 20, isEncapsulating ? 1 : 0)
        let descriptor = OwnedDescriptor(adopting: try valueOrError(opened, "bind"))
        let port = try valueOrError(culvert_udp_port(descriptor.rawValue), "getsockname")
        guard let sender = culvert_sender_create(64, 128 << 10) else { throw SystemError("malloc", code: 12) }
        self.local = SocketAddress(local.address, port: UInt16(truncatingIfNeeded: port))
        self.descriptor = descriptor
        self.sender = sender
    }

    /// Takes over a socket that somebody else has bound, and gives it every option of ours.
    package init(
        adopting descriptor: consuming OwnedDescriptor,
        local: SocketAddress,
        isEncapsulating: Bool
    ) throws(SystemError) {
        let family: Int32 = local.address.isV4 ? 4 : 6
        let dressed = culvert_udp_adopt(descriptor.rawValue, family, 8 << 20, isEncapsulating ? 1 : 0)
        _ = try valueOrError(dressed, "setsockopt")
        guard let sender = culvert_sender_create(64, 128 << 10) else { throw SystemError("malloc", code: 12) }
        self.local = local
        self.descriptor = descriptor
        self.sender = sender
    }

    deinit {
        culvert_sender_destroy(sender)
    }

    package var rawDescriptor: Int32 { descriptor.rawValue }

    /// Adds a datagram to the batch; a batch that is full is sent first.
    package func enqueue(
        _ bytes: [UInt8],
        from source: IPAddress,
        to peer: SocketAddress
    ) -> SendOutcome {
        var outcome = SendOutcome()
        var peer = culvert_address(peer)
        var local = culvert_address(SocketAddress(source, port: 0))
        guard local.family == peer.family else {
            outcome.failed = 1
            return outcome
        }
        bytes.withUnsafeBufferPointer { buffer in
            var result = culvert_sender_append(sender, buffer.baseAddress, buffer.count, &peer, &local)
            if result == -ENOBUFS {
                outcome = send()
                result = culvert_sender_append(sender, buffer.baseAddress, buffer.count, &peer, &local)
            }
            if result < 0 { outcome.failed += 1 }
        }
        return outcome
    }

    /// Sends the batch. What the kernel has no room for is dropped: the protocols retransmit.
    package func send() -> SendOutcome {
        let sent = culvert_sender_send(sender, descriptor.rawValue)
        return SendOutcome(sent: Int(sent.sent), dropped: Int(sent.dropped), failed: Int(sent.failed))
    }
}

/// Room for one batch of received datagrams, shared by all sockets of a thread.
package struct DatagramReceiver: ~Copyable {
    /// Datagrams of one system call.
    package static let batchLimit = 32

    private let receiver: OpaquePointer

    package struct Received {
        package var bytes: [UInt8]
        package var peer: SocketAddress
        /// The destination as it stood in the packet.
        package var local: IPAddress
    }

    package init() throws(SystemError) {
        guard let receiver = culvert_receiver_create(Int32(Self.batchLimit), 65_536) else {
            throw SystemError("malloc", code: 12)
        }
        self.receiver = receiver
    }

    deinit {
        culvert_receiver_destroy(receiver)
    }

    /// Reads what waits, a batch at most.
    ///
    /// - Returns: How many datagrams came.
    package mutating func receive(from socket: UDPSocket) throws(SystemError) -> Int {
        Int(try valueOrError(culvert_receiver_receive(receiver, socket.rawDescriptor), "recvmmsg"))
    }

    /// The `index`th datagram of the last batch; `nil` without a peer to answer.
    package mutating func datagram(at index: Int) -> Received? {
        var datagram = culvert_datagram()
        culvert_receiver_get(receiver, Int32(index), &datagram)
        guard datagram.is_truncated == 0, datagram.peer.port != 0,
            let peer = SocketAddress(datagram.peer), let local = SocketAddress(datagram.local)
        else { return nil }
        return Received(
            bytes: Array(UnsafeBufferPointer(start: datagram.bytes, count: Int(datagram.length))),
            peer: peer,
            local: local.address
        )
    }

    /// Datagrams that the kernel threw away on `socket` for want of buffer since the last call. To be
    /// asked after the datagrams of a batch were looked at.
    package mutating func takeOverflow(of socket: UDPSocket) -> Int {
        let overflow = culvert_receiver_overflow(receiver)
        // Without losses the kernel says nothing.
        guard overflow != 0 else { return 0 }
        defer { socket.overflow = overflow }
        return Int(overflow &- socket.overflow)
    }
}
