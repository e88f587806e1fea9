// SPDX-License-Identifier: Apache-2.0

package import DataPlane
package import Primitives

/// A kernel that keeps books: what it was asked to make, and whether the order of it was right.
package struct SimulatedKernel: Sendable {
    package struct Socket: Hashable, Sendable {
        package var localAddress: IPAddress
        package var peer: SocketAddress?
        package var omitsChecksum = false
    }

    package private(set) var sockets: [RequestID: Socket] = [:]
    package private(set) var associations: [SecurityAssociation.ID: SecurityAssociation] = [:]
    /// In the order of installation: the kernel uses the newest outbound one.
    private var order: [SecurityAssociation.ID] = []
    package private(set) var sessions: [KernelSessionID: L2TPSession] = [:]
    package private(set) var interfaces: [KernelSessionID: PPPInterface] = [:]
    /// Those of the start are for the test to give.
    package var gatewayAddresses: Set<IPAddress> = []
    /// Requests that no kernel would have taken, or that leave something unprotected.
    package private(set) var violations: [String] = []
    /// Datagrams that found no association to protect them, and so went nowhere.
    package private(set) var heldBack = 0
    /// Every request, in words.
    package private(set) var log: [String] = []
    /// Removed by somebody else, and not yet cleaned up after.
    private var lostSessions: Set<KernelSessionID> = []
    /// What the sessions' interfaces have carried, if anything.
    package var counters: [KernelSessionID: TrafficCounters] = [:]
    private static let noTraffic = TrafficCounters(receivedPackets: 0, receivedBytes: 0, sentPackets: 0, sentBytes: 0)
    /// What it knows of every path.
    package var pathMTU = 1500
    /// What was to go in one piece, as L2TP.
    package private(set) var probes: [[UInt8]] = []
    /// Which requests fail, and how.
    package var failing: @Sendable (DataPlaneRequest) -> DataPlaneError? = { _ in nil }

    package init() {}

    /// Nothing of ours is left.
    package var isClean: Bool {
        sockets.isEmpty && associations.isEmpty && sessions.isEmpty && interfaces.isEmpty
    }

    package func outbound(_ requestID: RequestID) -> SecurityAssociation? {
        order.last { associations[$0]?.requestID == requestID && associations[$0]?.direction == .outbound }
            .flatMap { associations[$0] }
    }

    /// The peer's packets that the kernel carried itself.
    package mutating func carry(_ packets: UInt64, for id: KernelSessionID) {
        counters[id, default: Self.noTraffic].receivedPackets += packets
    }

    /// Somebody on this machine removes it.
    package mutating func lose(_ id: SecurityAssociation.ID) {
        associations[id] = nil
        order.removeAll { $0 == id }
    }

    package mutating func lose(_ id: KernelSessionID) {
        guard sessions.removeValue(forKey: id) != nil else { return }
        interfaces[id] = nil
        lostSessions.insert(id)
    }

    /// A leftover that carries our mark.
    package mutating func stray(_ association: SecurityAssociation) {
        associations[association.id] = association
        order.append(association.id)
    }

    package mutating func stray(_ session: L2TPSession) {
        sessions[session.id] = session
    }

    package mutating func perform(_ request: DataPlaneRequest) -> DataPlaneOutcome {
        log.append(Self.name(request))
        if let error = failing(request) { return .failed(error) }
        switch request {
        case .openSocket(let socket):
            guard sockets[socket.requestID] == nil else { return refuse("socket opened twice", 17) }
            sockets[socket.requestID] = Socket(localAddress: socket.localAddress, omitsChecksum: socket.omitsChecksum)
        case .connectSocket(let id, let peer):
            guard sockets[id] != nil else { return refuse("connect without socket", 9) }
            sockets[id]?.peer = peer
        case .closeSocket(let id):
            if sessions.values.contains(where: { $0.socket == id }) { note("socket closed before its sessions") }
            guard sockets.removeValue(forKey: id) != nil else { return refuse("close without socket", 9) }
        case .install(let association):
            if sockets[association.requestID] == nil { note("association without tunnel socket") }
            guard associations[association.id] == nil else { return refuse("association installed twice", 17) }
            if association.encryptionKey.count != association.transform.encryptionKeyLength
                || (association.integrityKey?.count ?? 0) != association.transform.integrityKeyLength
            {
                note("keys of the wrong length")
            }
            associations[association.id] = association
            order.append(association.id)
        case .remove(let id):
            guard associations.removeValue(forKey: id) != nil else { return refuse("removal of no association", 3) }
            order.removeAll { $0 == id }
        case .createSession(let session):
            guard sockets[session.socket]?.peer != nil else { return refuse("session over an unconnected socket", 107) }
            guard sessions[session.id] == nil else { return refuse("session made twice", 17) }
            sessions[session.id] = session
            return .created(interfaceName: "cv\(sessions.count - 1)", interfaceIndex: sessions.count)
        case .bringUp(let interface):
            guard sessions[interface.session] != nil else { return refuse("interface without session", 19) }
            if interfaces.values.contains(where: { $0.peerAddress == interface.peerAddress }) {
                note("address given to two")
            }
            interfaces[interface.session] = interface
        case .removeSession(let id):
            guard lostSessions.remove(id) == nil else { return .done }
            guard sessions.removeValue(forKey: id) != nil else { return refuse("removal of no session", 19) }
            interfaces[id] = nil
        case .move(let id, let direction, let peer):
            guard var association = associations[id] else { return refuse("move of no association", 3) }
            switch direction {
            case .inbound:
                association.source = peer.address
                association.encapsulation?.sourcePort = peer.port
            case .outbound:
                association.destination = peer.address
                association.encapsulation?.destinationPort = peer.port
            }
            associations[id] = nil
            guard associations[association.id] == nil else { return refuse("move onto another", 17) }
            associations[association.id] = association
            order = order.map { $0 == id ? association.id : $0 }
        case .setMTU(let id, let mtu):
            guard sessions[id] != nil else { return refuse("MTU without session", 19) }
            sessions[id]?.mtu = mtu
        case .readPathMTU(let id):
            guard sockets[id]?.peer != nil else { return refuse("path of an unconnected socket", 107) }
            return .pathMTU(pathMTU)
        case .probePath(let id, let datagram):
            guard sockets[id]?.peer != nil else { return refuse("probe from an unconnected socket", 107) }
            probes.append(datagram)
        case .readCounters(let ids):
            let known = ids.filter { sessions[$0] != nil }
            return .counters(Dictionary(uniqueKeysWithValues: known.map { ($0, counters[$0] ?? Self.noTraffic) }))
        case .addGatewayAddress(let address):
            gatewayAddresses.insert(address)
        case .removeGatewayAddress(let address):
            guard gatewayAddresses.remove(address) != nil else { return refuse("removal of no gateway address", 99) }
        case .takeInventory:
            return .inventory(KernelInventory(associations: Set(associations.keys), sessions: Set(sessions.keys)))
        }
        return .done
    }

    package mutating func countHeldBack() {
        heldBack += 1
    }

    package mutating func note(_ violation: String) {
        violations.append(violation)
    }

    private mutating func refuse(_ what: String, _ code: Int32) -> DataPlaneOutcome {
        note(what)
        return .failed(DataPlaneError(step: what, code: code))
    }

    private static func name(_ request: DataPlaneRequest) -> String {
        switch request {
        case .openSocket: "openSocket"
        case .connectSocket: "connectSocket"
        case .closeSocket: "closeSocket"
        case .install(let association): "install \(association.direction)"
        case .remove: "remove"
        case .createSession: "createSession"
        case .bringUp: "bringUp"
        case .setMTU(_, let mtu): "setMTU \(mtu)"
        case .readPathMTU: "readPathMTU"
        case .probePath: "probePath"
        case .removeSession: "removeSession"
        case .move(_, let direction, _): "move \(direction)"
        case .readCounters: "readCounters"
        case .takeInventory: "takeInventory"
        case .addGatewayAddress: "addGatewayAddress"
        case .removeGatewayAddress: "removeGatewayAddress"
        }
    }
}

extension SimulatedKernel {
    /// Somebody else removes it.
    package mutating func forget(_ object: KernelObject) {
        switch object {
        case .association(let id):
            associations[id] = nil
            order.removeAll { $0 == id }
        case .session(let id):
            sessions[id] = nil
            interfaces[id] = nil
        }
    }
}
