// SPDX-License-Identifier: Apache-2.0
import DataPlane
import IKE
import Primitives
import Simulation

/// Payloads of a peer that knows the pre-shared key: hashed and encrypted as they have to be, whatever is in them.
///
/// Its children are bounded, their keys have the right length; and when it is gone nothing is left.
enum DecryptedISAKMP: FuzzTarget {
    static let name = "isakmp_decrypted"
    private static let mostChildren = 8

    static func run(_ script: Script) {
        var script = script
        let stages = ISAKMPStages.all
        // Before message 5, before quick mode, before its third message, with a child.
        let stage = stages[2 + Int(script.byte()) % (stages.count - 2)]
        guard var forger = Forger(stage.client) else { fatalError("no keys") }
        ISAKMPStages.entropy.restart()
        var endpoint = stage.endpoint
        var now = World.start
        var inbound = Set(endpoint.snapshots.flatMap(\.children).map(\.inboundSPI))

        func take(_ effects: [Endpoint.Effect], _ outcome: UInt8) {
            var attempts = 0
            var effects = effects[...]
            while let effect = effects.popFirst() {
                switch effect {
                case .transmit(let datagram):
                    forger.receive(datagram.port == .natTraversal ? Array(datagram.bytes.dropFirst(4)) : datagram.bytes)
                case .installInbound(let child):
                    attempts += 1
                    check(attempts < 8, "it asks for SPI after SPI")
                    check(
                        child.inboundEncryptionKey.count == child.transform.encryptionKeyLength
                            && child.outboundEncryptionKey.count == child.transform.encryptionKeyLength
                            && (child.inboundIntegrityKey?.count ?? 0) == child.transform.integrityKeyLength
                            && (child.outboundIntegrityKey?.count ?? 0) == child.transform.integrityKeyLength,
                        "keys of the wrong length"
                    )
                    check(child.lifetime > .zero && child.lifetime <= .seconds(28_800), "lifetime \(child.lifetime)")
                    let result: Endpoint.InstallOutcome =
                        switch outcome & 3 {
                        case 1: .spiInUse
                        case 2: .failed(DataPlaneError(step: "install", code: 12))
                        case 3: .refused("no")
                        default: .installed
                        }
                    effects += endpoint.inboundInstalled(child.id, outcome: result, at: now)[...]
                case .installOutbound(let id):
                    check(inbound.insert(id.inboundSPI).inserted, "outbound twice")
                case .remove(let id):
                    inbound.remove(id.inboundSPI)
                case .closed, .unanswered, .deletedByPeer, .moved, .report:
                    break
                }
            }
        }

        while let order = script.order() {
            let messageID = UInt32(order >> 6) + 1
            let outcome = order >> 4
            switch order & 0x07 {
            case 0:
                now = now.advanced(by: .seconds(Int(script.byte())))
                take(endpoint.advance(to: now), outcome)
            case 1:
                let (identity, first) = (script.chunk(), script.byte())
                deliver(forger.identity(identity, followedBy: script.chunk(), first: first), outcome)
            case 2:
                let first = script.byte()
                deliver(forger.third(messageID: messageID, payloads: script.chunk(), first: first), outcome)
            case 3, 4:
                let first = script.byte()
                deliver(
                    forger.first(of: .informational, messageID: messageID, payloads: script.chunk(), first: first),
                    outcome
                )
            case 5:
                let (exchange, first) = (script.byte(), script.byte())
                deliver(
                    forger.first(
                        of: ExchangeType(rawValue: exchange),
                        messageID: messageID,
                        payloads: script.chunk(),
                        first: first
                    ),
                    outcome
                )
            default:
                let first = script.byte()
                deliver(
                    forger.first(of: .quickMode, messageID: messageID, payloads: script.chunk(), first: first),
                    outcome
                )
            }
            check(endpoint.snapshots.count <= 1, "SAs out of nothing")
            check(endpoint.snapshots.allSatisfy { $0.children.count <= mostChildren }, "too many children")
        }

        func deliver(_ bytes: [UInt8], _ outcome: UInt8) {
            guard !bytes.isEmpty else { return }
            Tally.packets += 1
            take(endpoint.receive(ISAKMPStages.datagram(bytes), at: now), outcome)
        }

        take(endpoint.closeAll(at: now), 0)
        World.drain(&now, next: { endpoint.nextDeadline }, advance: { take(endpoint.advance(to: $0), 0) })
        check(endpoint.snapshots.isEmpty, "SAs stay")
        check(endpoint.nextDeadline == nil, "deadlines stay")
    }

    static func seeds() -> [(name: String, bytes: [UInt8])] {
        let identity: [UInt8] = [1, 17, 0x01, 0xF4] + World.client.bytes
        var seeds: [(name: String, bytes: [UInt8])] = []
        func seed(_ name: String, stage: Int, _ body: (inout ScriptWriter) -> Void) {
            var writer = ScriptWriter()
            writer.byte(stage)
            body(&writer)
            seeds.append((name, writer.bytes))
        }
        func encoded(_ payloads: [Payload]) -> [UInt8] {
            var writer = ByteWriter()
            PayloadChain(payloads).encode(into: &writer)
            return writer.bytes
        }
        func notification(_ type: UInt16, _ data: [UInt8] = []) -> [UInt8] {
            [0, 0, 0, 1, 1, 0, UInt8(type >> 8), UInt8(truncatingIfNeeded: type)] + data
        }
        let traffic: [UInt8] = [1, 17, 0x06, 0xA5]
        let transform: [UInt8] = [
            0, 0, 0, 0x20, 1, 12, 0, 0, 0x80, 1, 0, 1, 0x80, 2, 0x0E, 0x10, 0x80, 4, 0, 2, 0x80, 6, 1, 0, 0x80, 5, 0, 5,
            0x80, 1, 0, 2,
        ]
        let proposal: [UInt8] = [0, 0, 0, 44, 1, 3, 4, 1, 1, 2, 3, 4] + transform
        let quick = [
            Payload(.securityAssociation, [0, 0, 0, 1, 0, 0, 0, 1] + proposal),
            Payload(.nonce, [UInt8](repeating: 5, count: 16)),
            Payload(.identification, traffic + World.client.bytes),
            Payload(.identification, traffic + World.gateway.bytes),
        ]
        for stage in 0..<4 {
            seed("identity-\(stage)", stage: stage) {
                $0.byte(1)
                $0.chunk(identity)
                $0.byte(11)
                $0.chunk(encoded([Payload(.notification, notification(24_578))]))
            }
            seed("quick-\(stage)", stage: stage) {
                $0.byte(6)
                $0.byte(1)
                $0.chunk(encoded(quick))
                $0.byte(2)
                $0.byte(0)
                $0.chunk([])
            }
            for (name, payload) in [
                ("alive", Payload(.notification, notification(36_136, [0, 0, 0, 1]))),
                ("delete-esp", Payload(.delete, [0, 0, 0, 1, 3, 4, 0, 1, 1, 2, 3, 4])),
                ("delete-isakmp", Payload(.delete, [0, 0, 0, 1, 1, 16, 0, 1] + [UInt8](repeating: 0, count: 16))),
            ] {
                seed("\(name)-\(stage)", stage: stage) {
                    $0.byte(3)
                    $0.byte(Int(payload.type.rawValue))
                    $0.chunk(encoded([payload]))
                    $0.byte(0)
                    $0.byte(20)
                }
            }
        }
        return seeds
    }
}
