// SPDX-License-Identifier: Apache-2.0
import DataPlane
import Glibc
import Kernel
import Primitives
import Testing

/// A peer that is nowhere: everything about it stands in one namespace, on the loopback device.
struct LoopPeer {
    let requestID: RequestID
    let address: IPAddress
    let inner: IPAddress
    let session: L2TPSession
    var inbound: SecurityAssociation
    var outbound: SecurityAssociation

    static let local = IPAddress.v4(0x7F00_0001)
    static let gateway = IPAddress.v4(0x0A63_0001)

    /// - Parameter number: From 1 on.
    init(_ number: UInt32, isEncapsulated: Bool = false) throws {
        let requestID = RequestID(serial: UInt16(1000 + number), port: 20_000 + UInt16(number))
        let address = IPAddress.v4(0x7F01_0000 + number)
        func association(_ direction: SecurityAssociation.Direction) throws -> SecurityAssociation {
            let isInbound = direction == .inbound
            let ports = (peer: UInt16(40_000), own: UInt16(4500))
            return SecurityAssociation(
                direction: direction,
                source: isInbound ? address : Self.local,
                destination: isInbound ? Self.local : address,
                spi: try #require(ESPSPI(rawValue: (isInbound ? 0x10_0000 : 0x20_0000) + number)),
                requestID: requestID,
                transform: ESPTransform(cipher: .aesCBC(keyBits: 256), integrity: .hmacSHA256_128),
                encryptionKey: SecretBytes(copying: (0..<32).map { UInt8($0) }),
                integrityKey: SecretBytes(copying: (0..<32).map { UInt8(100 + $0) }),
                encapsulation: !isEncapsulated
                    ? nil
                    : isInbound
                        ? .init(sourcePort: ports.peer, destinationPort: ports.own)
                        : .init(sourcePort: ports.own, destinationPort: ports.peer)
            )
        }
        self.requestID = requestID
        self.address = address
        inner = .v4(0x0A63_0100 + number)
        inbound = try association(.inbound)
        outbound = try association(.outbound)
        session = L2TPSession(
            id: KernelSessionID(tunnel: number, session: 1),
            peerID: KernelSessionID(tunnel: number + 5000, session: 2),
            socket: requestID,
            usesSequenceNumbers: true,
            mtu: 1400
        )
    }

    var peer: SocketAddress { SocketAddress(address, port: 1701) }
    var socket: TunnelSocket { TunnelSocket(requestID: requestID, localAddress: Self.local) }
    var interface: PPPInterface {
        PPPInterface(session: session.id, localAddress: Self.gateway, peerAddress: inner)
    }

    var opening: [DataPlaneRequest] {
        [.openSocket(socket), .install(inbound), .install(outbound), .connectSocket(requestID, to: peer)]
    }

    /// The whole call, up.
    func comeUp(_ node: Node) throws {
        #expect(node.perform(opening).allSatisfy { $0 == .done })
        let outcome = node.perform([.createSession(session)]).first
        guard case .created = outcome else {
            Issue.record("\(String(describing: outcome))")
            return
        }
        #expect(node.perform([.bringUp(interface)]) == [.done])
    }

    func go(_ node: Node) {
        let outcomes = node.perform([
            .removeSession(session.id), .closeSocket(requestID), .remove(inbound.id), .remove(outbound.id),
        ])
        #expect(outcomes.allSatisfy { $0 == .done }, "\(outcomes)")
    }
}

extension Node {
    /// What an operator's tools show in the namespace: associations, devices, routes, L2TP sessions; and how many
    /// descriptors of /dev/ppp and how many sockets the process has.
    func picture() -> String {
        Self.enter(name)
        let sessions = RealKernel.text("/proc/thread-self/net/pppol2tp").split(separator: "\n")
            .filter { $0.contains("SESSION '") }
        // Indices of devices and times go on counting.
        let objects = RealKernel.shell(
            "printf '%s\\n' 'xfrm state' link 'route show table all' addr | ip -n \(name) -o -batch -"
        ).replacing(#/(?m)^[0-9]+: /#, with: "")
        return objects + "\(sessions)\n"
            + "\(RealKernel.descriptors("/dev/ppp")) \(RealKernel.descriptors("socket:")) descriptors"
    }

    /// In which lines the picture differs from an earlier one: none, given a little time.
    func changes(since before: String) -> [Substring] {
        let lines = before.split(separator: "\n")
        var difference: [Substring] = []
        for attempt in 0..<20 {
            if attempt > 0 { run(milliseconds: 100) }
            let now = picture().split(separator: "\n")
            difference = now.filter { !lines.contains($0) } + lines.filter { !now.contains($0) }
            if difference.isEmpty { break }
        }
        return difference
    }
}
