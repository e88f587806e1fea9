// SPDX-License-Identifier: Apache-2.0
package import IKE
package import Primitives

/// The sockets IKE is spoken on: one pair (500 and 4500) per listen address.
package struct IKESockets {
    /// Where to listen. Other ports than IKE's are for tests and benchmarks.
    package struct Listen: Hashable, Sendable {
        package var addresses: [IPAddress]
        package var ikePort: UInt16 = 500
        package var natTraversalPort: UInt16 = 4500
        /// Let the kernel take ESP out of the NAT traversal port.
        package var takesESP = true

        package init(addresses: [IPAddress]) {
            self.addresses = addresses
        }

        /// What is bound, in order.
        package var sockets: [(port: IKE.Datagram.Port, local: SocketAddress)] {
            addresses.flatMap { address in
                [
                    (.ike, SocketAddress(address, port: ikePort)),
                    (.natTraversal, SocketAddress(address, port: natTraversalPort)),
                ]
            }
        }
    }

    /// A socket that could not be had.
    package struct BindError: Error, Hashable, Sendable {
        package var local: SocketAddress
        package var error: SystemError

        package init(local: SocketAddress, error: SystemError) {
            self.local = local
            self.error = error
        }
    }

    private struct Entry {
        let port: IKE.Datagram.Port
        let socket: UDPSocket
        var hasUnsent = false
    }

    private var entries: [Entry] = []

    /// - Parameter inherited: What the service manager has opened; what is missing there is bound here.
    package init(_ listen: Listen, inherited: InheritedSockets = InheritedSockets()) throws(BindError) {
        for (port, local) in listen.sockets {
            do {
                let isEncapsulating = port == .natTraversal && listen.takesESP
                let socket: UDPSocket
                if let descriptor = inherited.takeDatagramSocket(at: local) {
                    socket = try UDPSocket(adopting: descriptor, local: local, isEncapsulating: isEncapsulating)
                } else {
                    socket = try UDPSocket(bindingTo: local, isEncapsulating: isEncapsulating)
                }
                entries.append(Entry(port: port, socket: socket))
            } catch {
                throw BindError(local: local, error: error)
            }
        }
    }

    package var count: Int { entries.count }

    package subscript(index: Int) -> UDPSocket { entries[index].socket }

    package func port(at index: Int) -> IKE.Datagram.Port { entries[index].port }

    /// Where the sockets are bound, in the order of ``Listen/sockets``.
    package var locals: [SocketAddress] { entries.map(\.socket.local) }

    /// Puts a datagram into the batch of the socket it belongs to: that of its local address, or of
    /// any address.
    package mutating func enqueue(_ datagram: IKE.Datagram, counting packets: inout Counters.Packets) {
        guard let index = index(for: datagram) else {
            packets.unsent += 1
            return
        }
        entries[index].hasUnsent = true
        packets.add(
            entries[index].socket.enqueue(datagram.bytes, from: datagram.local.address, to: datagram.peer)
        )
    }

    /// Sends every batch.
    package mutating func send(counting packets: inout Counters.Packets) {
        for index in entries.indices where entries[index].hasUnsent {
            entries[index].hasUnsent = false
            packets.add(entries[index].socket.send())
        }
    }

    private func index(for datagram: IKE.Datagram) -> Int? {
        let address = datagram.local.address
        var wildcard: Int?
        for index in entries.indices where entries[index].port == datagram.port {
            let bound = entries[index].socket.local.address
            if bound == address { return index }
            if bound.isUnspecified, bound.isV4 == address.isV4 { wildcard = index }
        }
        return wildcard
    }
}

extension Counters.Packets {
    fileprivate mutating func add(_ outcome: UDPSocket.SendOutcome) {
        sent += UInt64(outcome.sent)
        unsent += UInt64(outcome.dropped + outcome.failed)
    }
}
