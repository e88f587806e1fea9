// SPDX-License-Identifier: Apache-2.0
package import ControlPlane
internal import Cryptography
package import DataPlane
internal import IKE
internal import L2TP
package import Primitives

/// A gateway, its clients, the wire between them and one clock that jumps from deadline to deadline.
///
/// What is protected arrives only if both ends hold the same association with the same keys.
package struct SimulatedNetwork {
    /// What becomes of a packet.
    package enum Fate: Hashable, Sendable {
        case arrives
        case lost
        case doubled
        /// Overtaken by what is sent within that time.
        case delayed(Duration)
        /// Bytes are changed, cut off or added, as this number decides: also inside ESP, as by a hostile peer.
        case mangled(UInt64)
        /// Comes once more, that much later.
        case repeated(after: Duration)
        /// The next packet in this direction goes first; if `twice`, both come again in that order.
        case swapped(twice: Bool)
        /// Without its last byte. Under ESP nothing is left of it, unless the peer itself sent it like that.
        case truncated
        /// With one bit another way round, as this number decides. The same holds.
        case flipped(UInt64)
    }

    /// What a packet is, as far as anybody may lose it on purpose.
    package enum Layer: Hashable, Sendable, CaseIterable {
        case ike
        /// L2TP's control messages.
        case control
        /// PPP frames in L2TP's data messages.
        case frames

        fileprivate init(l2tp bytes: [UInt8]) {
            self = bytes.first.map { $0 & 0x80 != 0 } == true ? .control : .frames
        }
    }

    private enum Destination {
        var client: Int {
            switch self {
            case .gateway(let client, _), .clientIKE(let client, _, _), .clientProtected(let client, _, _): client
            }
        }

        var layer: Layer {
            switch self {
            case .gateway(_, .ike), .clientIKE: .ike
            case .gateway(_, .protected(let bytes, _)), .clientProtected(_, let bytes, _): Layer(l2tp: bytes)
            }
        }

        case gateway(client: Int, SimulatedClient.Packet)
        case clientIKE(Int, [UInt8], IKE.Datagram.Port)
        case clientProtected(Int, [UInt8], spi: UInt32)

        var isToGateway: Bool {
            switch self {
            case .gateway: true
            case .clientIKE, .clientProtected: false
            }
        }

        var bytes: [UInt8] {
            get {
                switch self {
                case .gateway(_, .ike(let outgoing)): outgoing.bytes
                case .gateway(_, .protected(let bytes, _)), .clientIKE(_, let bytes, _),
                    .clientProtected(_, let bytes, _):
                    bytes
                }
            }
            set {
                switch self {
                case .gateway(let client, .ike(var outgoing)):
                    outgoing.bytes = newValue
                    self = .gateway(client: client, .ike(outgoing))
                case .gateway(let client, .protected(_, let spi)):
                    self = .gateway(client: client, .protected(newValue, spi: spi))
                case .clientIKE(let client, _, let port):
                    self = .clientIKE(client, newValue, port)
                case .clientProtected(let client, _, let spi):
                    self = .clientProtected(client, newValue, spi: spi)
                }
            }
        }

        var isProtected: Bool {
            switch self {
            case .gateway(_, .protected), .clientProtected: true
            case .gateway(_, .ike), .clientIKE: false
            }
        }

        /// `nil` if ESP would find it out.
        func damaged(_ body: (inout [UInt8]) -> Void) -> Destination? {
            if case .clientProtected = self { return nil }
            var copy = self
            body(&copy.bytes)
            return copy
        }

        /// The gateway gets something else; the clients are not what is tested.
        func mangled(_ seed: UInt64) -> Destination {
            switch self {
            case .gateway(let client, .ike(var outgoing)):
                outgoing.bytes = Self.mangled(outgoing.bytes, seed)
                return .gateway(client: client, .ike(outgoing))
            case .gateway(let client, .protected(let bytes, let spi)):
                return .gateway(client: client, .protected(Self.mangled(bytes, seed), spi: spi))
            case .clientIKE, .clientProtected:
                return self
            }
        }

        private static func mangled(_ bytes: [UInt8], _ seed: UInt64) -> [UInt8] {
            let entropy = SeededEntropy(seed: seed)
            func number(below bound: Int) -> Int { Int(entropy.integer(in: 0...UInt32(max(bound, 1) - 1))) }
            var bytes = bytes
            switch number(below: 4) {
            case 0:
                bytes.removeLast(number(below: bytes.count + 1))
            case 1:
                bytes += entropy.bytes(number(below: 64))
            default:
                guard !bytes.isEmpty else { break }
                for _ in 0...number(below: 4) { bytes[number(below: bytes.count)] = entropy.bytes(1)[0] }
            }
            return bytes
        }
    }

    package var gateway: ControlPlane
    package var clients: [SimulatedClient] = []
    package var kernel = SimulatedKernel()
    /// Of the gateway, if a NAT before it translates the address that the clients dial.
    package var gatewayInside: IPAddress?
    package private(set) var now = MonotonicTime(nanoseconds: 1_000_000_000)
    package private(set) var events: [ControlPlane.Event] = []
    /// By number of the packet, from zero.
    package var fate: @Sendable (Int) -> Fate = { _ in .arrives }
    /// What is lost of a client's packets, both ways; they have no number.
    package var blocked: [Int: Set<Layer>] = [:]
    /// What the kernel does not tell.
    package var isNoticeLost: @Sendable (DataPlaneNotice) -> Bool = { _ in false }
    /// Instead of ``fate``, by what the packet is; takes a ``wiretap``.
    package var fateOfMessage: (@Sendable (Passage) -> Fate)?
    package var wiretap: Wiretap?
    package private(set) var carried = 0
    /// Waits for the next one in its direction.
    private var swapped: (number: Int, destination: Destination, twice: Bool)?
    private let latency: Duration = .milliseconds(20)
    private var inFlight: [(arrival: MonotonicTime, number: Int, destination: Destination)] = []

    package init(gateway: ControlPlane) {
        self.gateway = gateway
    }

    /// `ike no-proposal-chosen` and so on.
    package var eventNames: [String] {
        events.map { "\($0.description.layer) \($0.description.name)" }
    }

    package mutating func dial(_ client: Int) {
        let packets = clients[client].start(at: now)
        send(packets, from: client)
    }

    package mutating func act(_ client: Int, _ body: (inout SimulatedClient, MonotonicTime) -> [SimulatedClient.Packet])
    {
        let packets = body(&clients[client], now)
        send(packets, from: client)
    }

    /// The kernel has something to tell.
    package mutating func notify(_ notice: DataPlaneNotice) {
        guard !isNoticeLost(notice) else { return }
        perform(gateway.handle(.notice(notice), at: now))
    }

    package mutating func command(_ command: ControlPlane.Command) {
        perform(gateway.handle(.command(command), at: now))
    }

    /// Runs until `condition` holds, or until nothing happens before `limit` has passed.
    ///
    /// - Returns: Whether the condition holds.
    @discardableResult
    package mutating func run(
        for limit: Duration,
        until condition: (SimulatedNetwork) -> Bool = { _ in false }
    ) -> Bool {
        let end = now.advanced(by: limit)
        while !condition(self) {
            let deadlines = [gateway.nextDeadline] + clients.map(\.nextDeadline) + [inFlight.map(\.arrival).min()]
            guard let next = deadlines.compactMap(\.self).min(), next <= end else {
                now = end
                return condition(self)
            }
            now = max(now, next)
            step()
        }
        return true
    }

    private mutating func step() {
        let due = inFlight.filter { $0.arrival <= now }.sorted { ($0.arrival, $0.number) < ($1.arrival, $1.number) }
        inFlight.removeAll { $0.arrival <= now }
        for packet in due { deliver(packet.destination) }
        if let deadline = gateway.nextDeadline, deadline <= now { perform(gateway.advance(to: now)) }
        for index in clients.indices {
            if let deadline = clients[index].nextDeadline, deadline <= now {
                let packets = clients[index].advance(to: now)
                send(packets, from: index)
            }
        }
    }

    private mutating func fate(of destination: Destination, _ number: Int) -> Fate {
        let passage = wiretap?.note(
            destination.bytes,
            isToGateway: destination.isToGateway,
            isProtected: destination.isProtected
        )
        guard let passage, let fateOfMessage else { return fate(number) }
        return fateOfMessage(passage)
    }

    /// Lets go of what waited for this packet.
    private mutating func overtake(with destination: Destination, _ number: Int) {
        guard let waiting = swapped, waiting.destination.isToGateway == destination.isToGateway else { return }
        swapped = nil
        // It may have come by itself.
        guard inFlight.contains(where: { $0.number == waiting.number }) else { return }
        inFlight.removeAll { $0.number == waiting.number }
        var arrival = now.advanced(by: latency)
        for packet in [waiting.destination] + (waiting.twice ? [destination, waiting.destination] : []) {
            arrival = arrival.advanced(by: .milliseconds(1))
            inFlight.append((arrival, number, packet))
        }
    }

    private mutating func launch(_ destination: Destination) {
        if blocked[destination.client]?.contains(destination.layer) == true { return }
        let number = carried
        carried += 1
        let fate = fate(of: destination, number)
        if fate != .lost { overtake(with: destination, number) }
        switch fate {
        case .lost: break
        case .arrives: inFlight.append((now.advanced(by: latency), number, destination))
        case .doubled:
            inFlight.append((now.advanced(by: latency), number, destination))
            inFlight.append((now.advanced(by: latency + .milliseconds(1)), number, destination))
        case .mangled(let seed): inFlight.append((now.advanced(by: latency), number, destination.mangled(seed)))
        case .delayed(let more): inFlight.append((now.advanced(by: latency + more), number, destination))
        case .repeated(let more):
            inFlight.append((now.advanced(by: latency), number, destination))
            inFlight.append((now.advanced(by: latency + more), number, destination))
        case .swapped(let twice):
            // Not for ever: there may be no next one.
            inFlight.append((now.advanced(by: .seconds(3)), number, destination))
            swapped = (number, destination, twice)
        case .truncated:
            guard let damaged = destination.damaged({ _ = $0.popLast() }) else { break }
            inFlight.append((now.advanced(by: latency), number, damaged))
        case .flipped(let seed):
            let damaged = destination.damaged { bytes in
                guard !bytes.isEmpty else { return }
                bytes[Int(seed / 8 % UInt64(bytes.count))] ^= 1 << UInt8(seed % 8)
            }
            guard let damaged else { break }
            inFlight.append((now.advanced(by: latency), number, damaged))
        }
    }

    private mutating func send(_ packets: [SimulatedClient.Packet], from client: Int) {
        for packet in packets { launch(.gateway(client: client, packet)) }
    }

    private mutating func deliver(_ destination: Destination) {
        switch destination {
        case .gateway(let index, .ike(let outgoing)):
            let client = clients[index]
            let local = SocketAddress(
                gatewayInside ?? client.ike.settings.gateway.address,
                port: outgoing.port == .ike ? 500 : 4500
            )
            let datagram = IKE.Datagram(
                bytes: outgoing.bytes,
                port: outgoing.port,
                local: local,
                peer: client.outer(outgoing.port)
            )
            perform(gateway.handle(.datagram(datagram), at: now))
        case .gateway(let index, .protected(let bytes, let spi)):
            deliverToGateway(bytes, spi: spi, from: index)
        case .clientIKE(let index, let bytes, let port):
            let packets = clients[index].receive(bytes, on: port, at: now)
            send(packets, from: index)
        case .clientProtected(let index, let bytes, let spi):
            guard let child = clients[index].ike.children.first(where: { $0.inboundSPI.rawValue == spi }),
                kernel.associations.values.contains(where: {
                    $0.spi.rawValue == spi && $0.direction == .outbound && $0.keyBytes == child.inboundKey
                })
            else {
                if !clients[index].ike.children.isEmpty { kernel.note("the client cannot decrypt \(spi)") }
                return
            }
            let packets = clients[index].receiveProtected(bytes, at: now)
            send(packets, from: index)
        }
    }

    private mutating func deliverToGateway(_ bytes: [UInt8], spi: UInt32, from index: Int) {
        guard
            let association = kernel.associations.values.first(where: {
                $0.spi.rawValue == spi && $0.direction == .inbound
            })
        else { return }
        guard clients[index].ike.children.contains(where: { $0.outboundKey == association.keyBytes }) else {
            kernel.note("the gateway cannot decrypt \(spi)")
            return
        }
        if let encapsulation = association.encapsulation {
            let source = clients[index].outer(.natTraversal)
            if source != SocketAddress(association.source, port: encapsulation.sourcePort) {
                notify(.mappingChanged(association.id, requestID: association.requestID.rawValue, to: source))
            }
        }
        let peer = SocketAddress(clients[index].outerAddress, port: clients[index].ike.settings.trafficPort)
        guard let socket = kernel.sockets[association.requestID], socket.peer == nil || socket.peer == peer else {
            return
        }
        var reader = ByteReader(bytes)
        if case .data(let header, let frame)? = try? L2TP.Datagram(from: &reader), let tunnel = header.tunnel,
            let session = header.session
        {
            let id = SessionKey(tunnel: tunnel, session: session).kernelID
            if kernel.sessions[id] != nil {
                let bare = frame.starts(with: [0xFF, 0x03]) ? Array(frame.dropFirst(2)) : Array(frame)
                perform(gateway.handle(.notice(.frame(id, bare)), at: now))
                return
            }
        }
        perform(gateway.handle(.notice(.datagram(association.requestID, from: peer, bytes)), at: now))
    }

    private mutating func perform(_ effects: [ControlPlane.Effect]) {
        // The kernel's answers come when all is asked.
        var answers: [DataPlaneNotice] = []
        for effect in effects {
            switch effect {
            case .transmit(let datagram):
                guard let index = clients.firstIndex(where: { $0.outer(datagram.port) == datagram.peer }) else {
                    continue
                }
                launch(.clientIKE(index, datagram.bytes, datagram.port))
            case .send(let bytes, let requestID, let peer):
                protect(bytes, requestID, to: peer)
            case .write(let frame, let id):
                guard let session = kernel.sessions[id], let peer = kernel.sockets[session.socket]?.peer else {
                    kernel.note("frame for a session the kernel has not")
                    continue
                }
                var writer = ByteWriter()
                writer.integer(UInt16(0x0002))
                writer.integer(UInt16(truncatingIfNeeded: session.peerID.tunnel))
                writer.integer(UInt16(truncatingIfNeeded: session.peerID.session))
                writer.append([0xFF, 0x03] + frame)
                protect(writer.bytes, session.socket, to: peer)
            case .request(let request, let ticket):
                answers.append(.answered(ticket, kernel.perform(request)))
            case .report(let event):
                events.append(event)
            }
        }
        for answer in answers { perform(gateway.handle(.notice(answer), at: now)) }
    }

    private mutating func protect(_ bytes: [UInt8], _ requestID: RequestID, to peer: SocketAddress) {
        guard kernel.sockets[requestID] != nil else {
            kernel.note("datagram on no socket")
            return
        }
        guard let association = kernel.outbound(requestID) else {
            // The policies of the socket hold it back.
            kernel.countHeldBack()
            return
        }
        guard
            let index = clients.firstIndex(where: { client in
                client.outerAddress == peer.address && client.ike.settings.trafficPort == peer.port
                    && association.encapsulation.map { $0.destinationPort == client.outer(.natTraversal).port } ?? true
                    && client.ike.children.contains { $0.inboundSPI == association.spi }
            })
        else { return }
        launch(.clientProtected(index, bytes, spi: association.spi.rawValue))
    }
}

extension SecurityAssociation {
    fileprivate var keyBytes: [UInt8] {
        [encryptionKey, integrityKey].compactMap(\.self).flatMap { key in
            key.withBytes { span in span.indices.map { span[$0] } }
        }
    }
}

extension SimulatedNetwork {
    /// The kernel says something by itself, true or not.
    package mutating func hear(_ notice: DataPlaneNotice) {
        perform(gateway.handle(.notice(notice), at: now))
    }
}

extension SimulatedNetwork {
    /// What day it is.
    package mutating func tell(_ wall: WallClockTime) {
        perform(gateway.handle(.calendar(wall), at: now))
    }
}
