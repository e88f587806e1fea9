// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

/// The whole responder on one page: a change of behaviour is a change to this table.
struct StateTableTests {
    /// One conversation, kept at every stage, with every message that was or could have been sent.
    struct Conversation {
        var states: [(name: String, rig: Rig)] = []
        var events: [(name: String, apply: (inout Rig) -> [Endpoint.Effect])] = []

        init() throws {
            // Aggressive mode looks for the second by name, main mode takes the first.
            var rig = Rig(
                Endpoint(
                    configuration: Configuration(profiles: [.test(), .aggressive()]),
                    entropy: SeededEntropy(seed: 1)
                )
            )
            var group = rig
            var peer = rig.peer
            states.append(("nothing", rig))
            let message1 = peer.message1()
            try peer.receive2(Rig.reply(rig.send(message1)))
            states.append(("message 2 sent", rig))
            var useless = peer
            var waiting = rig
            _ = waiting.send(try useless.message3(publicValue: []))
            states.append(("main-mode-1", waiting))
            let message3 = try peer.message3()
            try peer.receive4(Rig.reply(rig.send(message3)))
            states.append(("main-mode-2", rig))
            var wrong = peer
            wrong.preSharedKey = "wrong"
            try wrong.rederive()
            let badMessage5 = try wrong.message5()
            var refused = rig
            _ = refused.send(badMessage5)
            let message5 = try peer.message5()
            try peer.receive6(Rig.reply(rig.send(message5)))
            rig.peer = peer
            states.append(("established", rig))
            var quick = peer.newQuick()
            let quick1 = try peer.quick1(&quick)
            guard let child = rig.send(quick1).installs.first else { throw Rig.Unexpected(effects: []) }
            states.append(("installing", rig))
            let quick2 = rig.endpoint.inboundInstalled(child.id, outcome: .installed, at: rig.now)
            try peer.receiveQuick2(&quick, Rig.reply(quick2))
            states.append(("wait-proof", rig))
            let quick3 = try peer.quick3(quick)
            _ = rig.send(quick3)
            states.append(("child", rig))
            states.append(("refused", refused))
            var newer = rig
            newer.peer = RawInitiator()
            newer.peer.cookieI = Cookie(rawValue: 0x9999)
            try newer.toEstablished()
            states.append(("superseded", newer))

            let cookies = peer.cookies.bytes
            let deleteChild = try peer.informational(
                Payload(.delete, IKEv1.DeletePayload(protocolID: .esp, spis: [RawInitiator.bytes(quick.spi)])),
                messageID: 5
            )
            let deleteSelf = try peer.informational(
                Payload(.delete, IKEv1.DeletePayload(protocolID: .isakmp, spis: [cookies])),
                messageID: 6
            )
            _ = newer.send(deleteSelf)
            states.append(("retired", newer))
            var deleted = rig
            _ = deleted.send(deleteSelf)
            states.append(("deleted", deleted))
            var offering = rig
            let offer = offering.endpoint.take(.softLimit, of: child.id, at: offering.now)
            states.append(("offering", offering))
            let quick2ofPeer = try peer.answer(Rig.reply(offer))
            var proving = offering
            guard let second = proving.send(quick2ofPeer.bytes).installs.first else {
                throw Rig.Unexpected(effects: [])
            }
            states.append(("installing ours", proving))
            _ = proving.endpoint.inboundInstalled(second.id, outcome: .installed, at: proving.now)
            states.append(("replaced", proving))
            let ack = try peer.alive(.areYouThereAck, [0, 0, 0, 1], messageID: 9)
            let alive = try peer.informational(
                Payload(
                    .notification,
                    IKEv1.NotificationPayload(
                        protocolID: .isakmp,
                        spi: cookies,
                        type: .areYouThere,
                        data: [0, 0, 0, 1]
                    )
                ),
                messageID: 7
            )
            let clear = Message(
                header: peer.header(.informational, 8),
                payloads: [Payload(.delete, IKEv1.DeletePayload(protocolID: .isakmp, spis: [cookies]))]
            ).encode()
            var otherOffer = peer
            otherOffer.cookieR = .zero
            otherOffer.ikeOffer = ClientOffer.ike("aes128-sha1-modp2048")
            let other1 = otherOffer.message1()
            let aggressive = Message(header: peer.header(.aggressive), payloads: [Payload(.nonce, [1])]).encode()
            let id = child.id
            group.peer = .group()
            group.peer.cookieI = Cookie(rawValue: 0x4747)
            let aggressive1 = try group.peer.aggressive1()
            try group.peer.receiveAggressive2(Rig.reply(group.send(aggressive1)))
            states.append(("aggressive-mode", group))
            var liar = group.peer
            let badAggressive3 = try liar.aggressive3([Payload(.hash, [UInt8](repeating: 7, count: 32))])
            let clearAggressive3 = try liar.aggressive3(isEncrypted: false)
            let aggressive3 = try group.peer.aggressive3()
            var ofGroup = group.peer.newQuick()
            let earlyQuick = try group.peer.quick1(&ofGroup)

            func message(_ name: String, _ bytes: [UInt8]) {
                events.append((name, { $0.send(bytes) }))
            }
            message("message 1", message1)
            message("another message 1", other1)
            message("message 3", message3)
            message("message 5", message5)
            message("message 5, other key", badMessage5)
            message("quick 1", quick1)
            message("quick 3", quick3)
            message("delete child", deleteChild)
            message("delete IKE SA", deleteSelf)
            message("R-U-THERE", alive)
            message("R-U-THERE-ACK", ack)
            message("quick 2", quick2ofPeer.bytes)
            message("delete in clear", clear)
            message("aggressive", aggressive)
            message("aggressive 1", aggressive1)
            message("aggressive 3", aggressive3)
            message("aggressive 3 in clear", clearAggressive3)
            message("aggressive 3, other key", badAggressive3)
            message("quick 1 of the group", earlyQuick)
            for outcome in [
                Endpoint.InstallOutcome.installed, .spiInUse, .failed(DataPlaneError(step: "NEWSA", code: 12)),
                .refused("not here"),
            ] {
                let word =
                    switch outcome {
                    case .installed: "installed"
                    case .spiInUse: "spi in use"
                    case .failed: "install failed"
                    case .refused: "install refused"
                    }
                events.append((word, { $0.endpoint.inboundInstalled(id, outcome: outcome, at: $0.now) }))
            }
            events.append(
                ("ours installed", { $0.endpoint.inboundInstalled(second.id, outcome: .installed, at: $0.now) })
            )
            events.append(("soft limit", { $0.endpoint.take(.softLimit, of: id, at: $0.now) }))
            events.append(("hard limit", { $0.endpoint.take(.hardLimit, of: id, at: $0.now) }))
            events.append(("vanished", { $0.endpoint.take(.vanished, of: id, at: $0.now) }))
            events.append(("2 s", { $0.wait(.seconds(2)) }))
            events.append(("30 s", { $0.wait(.seconds(30)) }))
            events.append(("1 h", { $0.wait(.seconds(3600)) }))
            events.append(("close", { $0.endpoint.closeAll(at: $0.now) }))
        }
    }

    @Test func everyStateMeetsEveryEvent() throws {
        let conversation = try Conversation()
        var table: [String] = []
        for (state, rig) in conversation.states {
            for (event, apply) in conversation.events {
                var rig = rig
                // Long enough for a repetition to be answered.
                rig.now = rig.now.advanced(by: .seconds(1))
                let words = apply(&rig).words.joined(separator: " ")
                let children = rig.endpoint.snapshots.first?.children.count ?? 0
                let after = children > 0 ? "\(rig.state) (\(children) child)" : rig.state
                table.append("\(state) + \(event): \(words.isEmpty ? "–" : words) > \(after)")
            }
        }
        let text = table.joined(separator: "\n")
        let expected = golden.split(separator: "\n").map(String.init)
        for (now, before) in zip(table, expected) where now != before {
            Issue.record("is:  \(now)\nwas: \(before)")
        }
        #expect(text == golden)
    }
}

extension RawInitiator {
    /// The keys of message 4 once more, after the pre-shared key was changed. Only the cipher key has to be wrong.
    mutating func rederive() throws {
        guard let transform, let keys else { return }
        self.keys = IKEv1.PhaseOneKeys(
            transform: transform,
            preSharedKey: secret(preSharedKey),
            initiatorNonce: nonceI,
            responderNonce: [],
            sharedSecret: keys.skeyidA,
            cookies: cookies
        )
    }
}

private let golden = """
    nothing + message 1: transmit > none
    nothing + another message 1: transmit > none
    nothing + message 3: – > none
    nothing + message 5: – > none
    nothing + message 5, other key: – > none
    nothing + quick 1: – > none
    nothing + quick 3: – > none
    nothing + delete child: – > none
    nothing + delete IKE SA: – > none
    nothing + R-U-THERE: – > none
    nothing + R-U-THERE-ACK: – > none
    nothing + quick 2: – > none
    nothing + delete in clear: – > none
    nothing + aggressive: – > none
    nothing + aggressive 1: transmit > aggressive-mode
    nothing + aggressive 3: – > none
    nothing + aggressive 3 in clear: – > none
    nothing + aggressive 3, other key: – > none
    nothing + quick 1 of the group: – > none
    nothing + installed: remove > none
    nothing + spi in use: – > none
    nothing + install failed: – > none
    nothing + install refused: – > none
    nothing + ours installed: remove > none
    nothing + soft limit: – > none
    nothing + hard limit: – > none
    nothing + vanished: – > none
    nothing + 2 s: – > none
    nothing + 30 s: – > none
    nothing + 1 h: – > none
    nothing + close: – > none
    message 2 sent + message 1: transmit > none
    message 2 sent + another message 1: – > none
    message 2 sent + message 3: [started] transmit > main-mode-2
    message 2 sent + message 5: – > none
    message 2 sent + message 5, other key: – > none
    message 2 sent + quick 1: – > none
    message 2 sent + quick 3: – > none
    message 2 sent + delete child: – > none
    message 2 sent + delete IKE SA: – > none
    message 2 sent + R-U-THERE: – > none
    message 2 sent + R-U-THERE-ACK: – > none
    message 2 sent + quick 2: – > none
    message 2 sent + delete in clear: – > none
    message 2 sent + aggressive: – > none
    message 2 sent + aggressive 1: transmit > aggressive-mode
    message 2 sent + aggressive 3: – > none
    message 2 sent + aggressive 3 in clear: – > none
    message 2 sent + aggressive 3, other key: – > none
    message 2 sent + quick 1 of the group: – > none
    message 2 sent + installed: remove > none
    message 2 sent + spi in use: – > none
    message 2 sent + install failed: – > none
    message 2 sent + install refused: – > none
    message 2 sent + ours installed: remove > none
    message 2 sent + soft limit: – > none
    message 2 sent + hard limit: – > none
    message 2 sent + vanished: – > none
    message 2 sent + 2 s: – > none
    message 2 sent + 30 s: [exchange-timeout] > none
    message 2 sent + 1 h: [exchange-timeout] > none
    message 2 sent + close: – > none
    main-mode-1 + message 1: – > main-mode-1
    main-mode-1 + another message 1: – > main-mode-1
    main-mode-1 + message 3: transmit > main-mode-2
    main-mode-1 + message 5: – > main-mode-1
    main-mode-1 + message 5, other key: – > main-mode-1
    main-mode-1 + quick 1: [unexpected-message] > main-mode-1
    main-mode-1 + quick 3: [unexpected-message] > main-mode-1
    main-mode-1 + delete child: – > main-mode-1
    main-mode-1 + delete IKE SA: – > main-mode-1
    main-mode-1 + R-U-THERE: – > main-mode-1
    main-mode-1 + R-U-THERE-ACK: – > main-mode-1
    main-mode-1 + quick 2: [unexpected-message] > main-mode-1
    main-mode-1 + delete in clear: – > main-mode-1
    main-mode-1 + aggressive: [unexpected-message] > main-mode-1
    main-mode-1 + aggressive 1: transmit > main-mode-1
    main-mode-1 + aggressive 3: – > main-mode-1
    main-mode-1 + aggressive 3 in clear: – > main-mode-1
    main-mode-1 + aggressive 3, other key: – > main-mode-1
    main-mode-1 + quick 1 of the group: – > main-mode-1
    main-mode-1 + installed: remove > main-mode-1
    main-mode-1 + spi in use: – > main-mode-1
    main-mode-1 + install failed: – > main-mode-1
    main-mode-1 + install refused: – > main-mode-1
    main-mode-1 + ours installed: remove > main-mode-1
    main-mode-1 + soft limit: – > main-mode-1
    main-mode-1 + hard limit: – > main-mode-1
    main-mode-1 + vanished: – > main-mode-1
    main-mode-1 + 2 s: – > main-mode-1
    main-mode-1 + 30 s: [exchange-timeout] > none
    main-mode-1 + 1 h: [exchange-timeout] > none
    main-mode-1 + close: – > none
    main-mode-2 + message 1: – > main-mode-2
    main-mode-2 + another message 1: – > main-mode-2
    main-mode-2 + message 3: transmit > main-mode-2
    main-mode-2 + message 5: transmit [phase1-established] [phase1-chosen] > established
    main-mode-2 + message 5, other key: transmit [authentication-failed] > refused
    main-mode-2 + quick 1: [unexpected-message] > main-mode-2
    main-mode-2 + quick 3: [unexpected-message] > main-mode-2
    main-mode-2 + delete child: – > main-mode-2
    main-mode-2 + delete IKE SA: – > main-mode-2
    main-mode-2 + R-U-THERE: – > main-mode-2
    main-mode-2 + R-U-THERE-ACK: – > main-mode-2
    main-mode-2 + quick 2: [unexpected-message] > main-mode-2
    main-mode-2 + delete in clear: – > main-mode-2
    main-mode-2 + aggressive: [unexpected-message] > main-mode-2
    main-mode-2 + aggressive 1: transmit > main-mode-2
    main-mode-2 + aggressive 3: – > main-mode-2
    main-mode-2 + aggressive 3 in clear: – > main-mode-2
    main-mode-2 + aggressive 3, other key: – > main-mode-2
    main-mode-2 + quick 1 of the group: – > main-mode-2
    main-mode-2 + installed: remove > main-mode-2
    main-mode-2 + spi in use: – > main-mode-2
    main-mode-2 + install failed: – > main-mode-2
    main-mode-2 + install refused: – > main-mode-2
    main-mode-2 + ours installed: remove > main-mode-2
    main-mode-2 + soft limit: – > main-mode-2
    main-mode-2 + hard limit: – > main-mode-2
    main-mode-2 + vanished: – > main-mode-2
    main-mode-2 + 2 s: – > main-mode-2
    main-mode-2 + 30 s: [exchange-timeout] > none
    main-mode-2 + 1 h: [exchange-timeout] > none
    main-mode-2 + close: – > none
    established + message 1: – > established
    established + another message 1: – > established
    established + message 3: – > established
    established + message 5: transmit > established
    established + message 5, other key: – > established
    established + quick 1: [phase2-chosen] installInbound > established
    established + quick 3: [malformed-message] > established
    established + delete child: – > established
    established + delete IKE SA: [deleted-by-peer] deletedByPeer > deleted
    established + R-U-THERE: transmit > established
    established + R-U-THERE-ACK: – > established
    established + quick 2: [malformed-message] > established
    established + delete in clear: – > established
    established + aggressive: – > established
    established + aggressive 1: transmit > established
    established + aggressive 3: – > established
    established + aggressive 3 in clear: – > established
    established + aggressive 3, other key: – > established
    established + quick 1 of the group: – > established
    established + installed: remove > established
    established + spi in use: – > established
    established + install failed: – > established
    established + install refused: – > established
    established + ours installed: remove > established
    established + soft limit: – > established
    established + hard limit: – > established
    established + vanished: – > established
    established + 2 s: – > established
    established + 30 s: – > established
    established + 1 h: transmit [expired] closed > none
    established + close: transmit [closed] closed > none
    installing + message 1: – > established
    installing + another message 1: – > established
    installing + message 3: – > established
    installing + message 5: transmit > established
    installing + message 5, other key: – > established
    installing + quick 1: – > established
    installing + quick 3: – > established
    installing + delete child: remove [child-deleted-by-peer] > established
    installing + delete IKE SA: [deleted-by-peer] remove deletedByPeer > deleted
    installing + R-U-THERE: transmit > established
    installing + R-U-THERE-ACK: – > established
    installing + quick 2: [malformed-message] > established
    installing + delete in clear: – > established
    installing + aggressive: – > established
    installing + aggressive 1: transmit > established
    installing + aggressive 3: – > established
    installing + aggressive 3 in clear: – > established
    installing + aggressive 3, other key: – > established
    installing + quick 1 of the group: – > established
    installing + installed: transmit > established
    installing + spi in use: installInbound > established
    installing + install failed: remove transmit [install-failed] > established
    installing + install refused: remove transmit [invalid-identity] > established
    installing + ours installed: remove > established
    installing + soft limit: – > established
    installing + hard limit: remove [child-exhausted] > established
    installing + vanished: remove [child-vanished] > established
    installing + 2 s: – > established
    installing + 30 s: remove [exchange-timeout] > established
    installing + 1 h: remove [exchange-timeout] transmit [expired] closed > none
    installing + close: transmit [closed] closed > none
    wait-proof + message 1: – > established
    wait-proof + another message 1: – > established
    wait-proof + message 3: – > established
    wait-proof + message 5: transmit > established
    wait-proof + message 5, other key: – > established
    wait-proof + quick 1: transmit > established
    wait-proof + quick 3: installOutbound [child-established] > established (1 child)
    wait-proof + delete child: remove [child-deleted-by-peer] > established
    wait-proof + delete IKE SA: [deleted-by-peer] remove deletedByPeer > deleted
    wait-proof + R-U-THERE: transmit > established
    wait-proof + R-U-THERE-ACK: – > established
    wait-proof + quick 2: [malformed-message] > established
    wait-proof + delete in clear: – > established
    wait-proof + aggressive: – > established
    wait-proof + aggressive 1: transmit > established
    wait-proof + aggressive 3: – > established
    wait-proof + aggressive 3 in clear: – > established
    wait-proof + aggressive 3, other key: – > established
    wait-proof + quick 1 of the group: – > established
    wait-proof + installed: – > established
    wait-proof + spi in use: – > established
    wait-proof + install failed: – > established
    wait-proof + install refused: – > established
    wait-proof + ours installed: remove > established
    wait-proof + soft limit: – > established
    wait-proof + hard limit: remove [child-exhausted] > established
    wait-proof + vanished: remove [child-vanished] > established
    wait-proof + 2 s: transmit > established
    wait-proof + 30 s: remove [exchange-timeout] > established
    wait-proof + 1 h: remove [exchange-timeout] transmit [expired] closed > none
    wait-proof + close: transmit [closed] closed > none
    child + message 1: – > established (1 child)
    child + another message 1: – > established (1 child)
    child + message 3: – > established (1 child)
    child + message 5: transmit > established (1 child)
    child + message 5, other key: – > established (1 child)
    child + quick 1: transmit > established (1 child)
    child + quick 3: – > established (1 child)
    child + delete child: remove [child-deleted-by-peer] > established
    child + delete IKE SA: [deleted-by-peer] remove deletedByPeer > deleted
    child + R-U-THERE: transmit > established (1 child)
    child + R-U-THERE-ACK: – > established (1 child)
    child + quick 2: [malformed-message] > established (1 child)
    child + delete in clear: – > established (1 child)
    child + aggressive: – > established (1 child)
    child + aggressive 1: transmit > established (1 child)
    child + aggressive 3: – > established (1 child)
    child + aggressive 3 in clear: – > established (1 child)
    child + aggressive 3, other key: – > established (1 child)
    child + quick 1 of the group: – > established (1 child)
    child + installed: – > established (1 child)
    child + spi in use: – > established (1 child)
    child + install failed: – > established (1 child)
    child + install refused: – > established (1 child)
    child + ours installed: remove > established (1 child)
    child + soft limit: transmit > established (1 child)
    child + hard limit: transmit remove [child-exhausted] > established
    child + vanished: transmit remove [child-vanished] transmit > established
    child + 2 s: – > established (1 child)
    child + 30 s: – > established (1 child)
    child + 1 h: transmit remove [child-expired] transmit [expired] closed > none
    child + close: transmit transmit [closed] closed > none
    refused + message 1: – > refused
    refused + another message 1: – > refused
    refused + message 3: – > refused
    refused + message 5: – > refused
    refused + message 5, other key: – > refused
    refused + quick 1: – > refused
    refused + quick 3: – > refused
    refused + delete child: – > refused
    refused + delete IKE SA: – > refused
    refused + R-U-THERE: – > refused
    refused + R-U-THERE-ACK: – > refused
    refused + quick 2: – > refused
    refused + delete in clear: – > refused
    refused + aggressive: – > refused
    refused + aggressive 1: transmit > refused
    refused + aggressive 3: – > refused
    refused + aggressive 3 in clear: – > refused
    refused + aggressive 3, other key: – > refused
    refused + quick 1 of the group: – > refused
    refused + installed: remove > refused
    refused + spi in use: – > refused
    refused + install failed: – > refused
    refused + install refused: – > refused
    refused + ours installed: remove > refused
    refused + soft limit: – > refused
    refused + hard limit: – > refused
    refused + vanished: – > refused
    refused + 2 s: – > refused
    refused + 30 s: – > none
    refused + 1 h: – > none
    refused + close: – > none
    superseded + message 1: – > established (1 child)
    superseded + another message 1: – > established (1 child)
    superseded + message 3: – > established (1 child)
    superseded + message 5: transmit > established (1 child)
    superseded + message 5, other key: – > established (1 child)
    superseded + quick 1: transmit > established (1 child)
    superseded + quick 3: – > established (1 child)
    superseded + delete child: remove [child-deleted-by-peer] > established
    superseded + delete IKE SA: [deleted-by-peer] > retired (1 child)
    superseded + R-U-THERE: transmit > established (1 child)
    superseded + R-U-THERE-ACK: – > established (1 child)
    superseded + quick 2: [malformed-message] > established (1 child)
    superseded + delete in clear: – > established (1 child)
    superseded + aggressive: – > established (1 child)
    superseded + aggressive 1: transmit > established (1 child)
    superseded + aggressive 3: – > established (1 child)
    superseded + aggressive 3 in clear: – > established (1 child)
    superseded + aggressive 3, other key: – > established (1 child)
    superseded + quick 1 of the group: – > established (1 child)
    superseded + installed: – > established (1 child)
    superseded + spi in use: – > established (1 child)
    superseded + install failed: – > established (1 child)
    superseded + install refused: – > established (1 child)
    superseded + ours installed: remove > established (1 child)
    superseded + soft limit: transmit > established (1 child)
    superseded + hard limit: transmit remove [child-exhausted] > established
    superseded + vanished: transmit remove [child-vanished] transmit > established
    superseded + 2 s: – > established (1 child)
    superseded + 30 s: – > established (1 child)
    superseded + 1 h: transmit remove [child-expired] transmit [expired] closed transmit [expired] closed > none
    superseded + close: transmit transmit [closed] closed transmit [closed] closed > none
    retired + message 1: – > retired (1 child)
    retired + another message 1: – > retired (1 child)
    retired + message 3: – > retired (1 child)
    retired + message 5: transmit > retired (1 child)
    retired + message 5, other key: – > retired (1 child)
    retired + quick 1: – > retired (1 child)
    retired + quick 3: – > retired (1 child)
    retired + delete child: – > retired (1 child)
    retired + delete IKE SA: – > retired (1 child)
    retired + R-U-THERE: – > retired (1 child)
    retired + R-U-THERE-ACK: – > retired (1 child)
    retired + quick 2: – > retired (1 child)
    retired + delete in clear: – > retired (1 child)
    retired + aggressive: – > retired (1 child)
    retired + aggressive 1: transmit > retired (1 child)
    retired + aggressive 3: – > retired (1 child)
    retired + aggressive 3 in clear: – > retired (1 child)
    retired + aggressive 3, other key: – > retired (1 child)
    retired + quick 1 of the group: – > retired (1 child)
    retired + installed: – > retired (1 child)
    retired + spi in use: – > retired (1 child)
    retired + install failed: – > retired (1 child)
    retired + install refused: – > retired (1 child)
    retired + ours installed: remove > retired (1 child)
    retired + soft limit: transmit > retired (1 child)
    retired + hard limit: remove [child-exhausted] closed transmit > established
    retired + vanished: remove [child-vanished] closed transmit transmit > established
    retired + 2 s: – > retired (1 child)
    retired + 30 s: – > retired (1 child)
    retired + 1 h: transmit [expired] closed remove [child-expired] closed > none
    retired + close: [closed] closed transmit [closed] closed > none
    deleted + message 1: – > deleted
    deleted + another message 1: – > deleted
    deleted + message 3: – > deleted
    deleted + message 5: transmit > deleted
    deleted + message 5, other key: – > deleted
    deleted + quick 1: – > deleted
    deleted + quick 3: – > deleted
    deleted + delete child: – > deleted
    deleted + delete IKE SA: – > deleted
    deleted + R-U-THERE: – > deleted
    deleted + R-U-THERE-ACK: – > deleted
    deleted + quick 2: – > deleted
    deleted + delete in clear: – > deleted
    deleted + aggressive: – > deleted
    deleted + aggressive 1: transmit > deleted
    deleted + aggressive 3: – > deleted
    deleted + aggressive 3 in clear: – > deleted
    deleted + aggressive 3, other key: – > deleted
    deleted + quick 1 of the group: – > deleted
    deleted + installed: remove > deleted
    deleted + spi in use: – > deleted
    deleted + install failed: – > deleted
    deleted + install refused: – > deleted
    deleted + ours installed: remove > deleted
    deleted + soft limit: – > deleted
    deleted + hard limit: – > deleted
    deleted + vanished: – > deleted
    deleted + 2 s: – > deleted
    deleted + 30 s: closed > none
    deleted + 1 h: closed > none
    deleted + close: closed > none
    offering + message 1: – > established (1 child)
    offering + another message 1: – > established (1 child)
    offering + message 3: – > established (1 child)
    offering + message 5: transmit > established (1 child)
    offering + message 5, other key: – > established (1 child)
    offering + quick 1: transmit > established (1 child)
    offering + quick 3: – > established (1 child)
    offering + delete child: remove [child-deleted-by-peer] > established
    offering + delete IKE SA: [deleted-by-peer] remove deletedByPeer > deleted
    offering + R-U-THERE: transmit > established (1 child)
    offering + R-U-THERE-ACK: – > established (1 child)
    offering + quick 2: installInbound > established (1 child)
    offering + delete in clear: – > established (1 child)
    offering + aggressive: – > established (1 child)
    offering + aggressive 1: transmit > established (1 child)
    offering + aggressive 3: – > established (1 child)
    offering + aggressive 3 in clear: – > established (1 child)
    offering + aggressive 3, other key: – > established (1 child)
    offering + quick 1 of the group: – > established (1 child)
    offering + installed: – > established (1 child)
    offering + spi in use: – > established (1 child)
    offering + install failed: – > established (1 child)
    offering + install refused: – > established (1 child)
    offering + ours installed: remove > established (1 child)
    offering + soft limit: – > established (1 child)
    offering + hard limit: transmit remove [child-exhausted] > established
    offering + vanished: transmit remove [child-vanished] > established
    offering + 2 s: transmit > established (1 child)
    offering + 30 s: [rekey-failed] > established (1 child)
    offering + 1 h: [rekey-failed] transmit remove [child-expired] transmit [expired] closed > none
    offering + close: transmit transmit [closed] closed > none
    installing ours + message 1: – > established (1 child)
    installing ours + another message 1: – > established (1 child)
    installing ours + message 3: – > established (1 child)
    installing ours + message 5: transmit > established (1 child)
    installing ours + message 5, other key: – > established (1 child)
    installing ours + quick 1: transmit > established (1 child)
    installing ours + quick 3: – > established (1 child)
    installing ours + delete child: remove [child-deleted-by-peer] > established
    installing ours + delete IKE SA: [deleted-by-peer] remove remove deletedByPeer > deleted
    installing ours + R-U-THERE: transmit > established (1 child)
    installing ours + R-U-THERE-ACK: – > established (1 child)
    installing ours + quick 2: – > established (1 child)
    installing ours + delete in clear: – > established (1 child)
    installing ours + aggressive: – > established (1 child)
    installing ours + aggressive 1: transmit > established (1 child)
    installing ours + aggressive 3: – > established (1 child)
    installing ours + aggressive 3 in clear: – > established (1 child)
    installing ours + aggressive 3, other key: – > established (1 child)
    installing ours + quick 1 of the group: – > established (1 child)
    installing ours + installed: – > established (1 child)
    installing ours + spi in use: – > established (1 child)
    installing ours + install failed: – > established (1 child)
    installing ours + install refused: – > established (1 child)
    installing ours + ours installed: installOutbound transmit [child-established] > established (2 child)
    installing ours + soft limit: – > established (1 child)
    installing ours + hard limit: transmit remove [child-exhausted] > established
    installing ours + vanished: transmit remove [child-vanished] > established
    installing ours + 2 s: – > established (1 child)
    installing ours + 30 s: remove [exchange-timeout] > established (1 child)
    installing ours + 1 h: remove [exchange-timeout] transmit remove [child-expired] transmit [expired] closed > none
    installing ours + close: transmit transmit [closed] closed > none
    replaced + message 1: – > established (2 child)
    replaced + another message 1: – > established (2 child)
    replaced + message 3: – > established (2 child)
    replaced + message 5: transmit > established (2 child)
    replaced + message 5, other key: – > established (2 child)
    replaced + quick 1: transmit > established (2 child)
    replaced + quick 3: – > established (2 child)
    replaced + delete child: [child-deleted-by-peer] > established (2 child)
    replaced + delete IKE SA: [deleted-by-peer] remove remove deletedByPeer > deleted
    replaced + R-U-THERE: transmit > established (2 child)
    replaced + R-U-THERE-ACK: – > established (2 child)
    replaced + quick 2: transmit > established (2 child)
    replaced + delete in clear: – > established (2 child)
    replaced + aggressive: – > established (2 child)
    replaced + aggressive 1: transmit > established (2 child)
    replaced + aggressive 3: – > established (2 child)
    replaced + aggressive 3 in clear: – > established (2 child)
    replaced + aggressive 3, other key: – > established (2 child)
    replaced + quick 1 of the group: – > established (2 child)
    replaced + installed: – > established (2 child)
    replaced + spi in use: – > established (2 child)
    replaced + install failed: – > established (2 child)
    replaced + install refused: – > established (2 child)
    replaced + ours installed: – > established (2 child)
    replaced + soft limit: – > established (2 child)
    replaced + hard limit: transmit remove > established (1 child)
    replaced + vanished: transmit remove > established (1 child)
    replaced + 2 s: – > established (2 child)
    replaced + 30 s: transmit remove [child-replaced] > established (1 child)
    replaced + 1 h: transmit remove [child-replaced] transmit remove [child-expired] transmit [expired] closed > none
    replaced + close: transmit transmit [closed] closed > none
    aggressive-mode + message 1: transmit > aggressive-mode
    aggressive-mode + another message 1: transmit > aggressive-mode
    aggressive-mode + message 3: – > aggressive-mode
    aggressive-mode + message 5: – > aggressive-mode
    aggressive-mode + message 5, other key: – > aggressive-mode
    aggressive-mode + quick 1: – > aggressive-mode
    aggressive-mode + quick 3: – > aggressive-mode
    aggressive-mode + delete child: – > aggressive-mode
    aggressive-mode + delete IKE SA: – > aggressive-mode
    aggressive-mode + R-U-THERE: – > aggressive-mode
    aggressive-mode + R-U-THERE-ACK: – > aggressive-mode
    aggressive-mode + quick 2: – > aggressive-mode
    aggressive-mode + delete in clear: – > aggressive-mode
    aggressive-mode + aggressive: – > aggressive-mode
    aggressive-mode + aggressive 1: transmit > aggressive-mode
    aggressive-mode + aggressive 3: [started] [phase1-established] [phase1-chosen] > established
    aggressive-mode + aggressive 3 in clear: [started] [phase1-established] [phase1-chosen] > established
    aggressive-mode + aggressive 3, other key: [started] transmit [authentication-failed] > refused
    aggressive-mode + quick 1 of the group: [unexpected-message] transmit > aggressive-mode
    aggressive-mode + installed: remove > aggressive-mode
    aggressive-mode + spi in use: – > aggressive-mode
    aggressive-mode + install failed: – > aggressive-mode
    aggressive-mode + install refused: – > aggressive-mode
    aggressive-mode + ours installed: remove > aggressive-mode
    aggressive-mode + soft limit: – > aggressive-mode
    aggressive-mode + hard limit: – > aggressive-mode
    aggressive-mode + vanished: – > aggressive-mode
    aggressive-mode + 2 s: – > aggressive-mode
    aggressive-mode + 30 s: [exchange-timeout] > none
    aggressive-mode + 1 h: [exchange-timeout] > none
    aggressive-mode + close: – > none
    """
