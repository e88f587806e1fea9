// SPDX-License-Identifier: Apache-2.0
import PPP
import Primitives
import Simulation
import Testing

struct LinkPhaseTests {
    /// The whole link on one page: what each phase does with each input.
    @Test func everyPhaseMeetsEveryInput() {
        var table: [String] = []
        for phase in Phase.allCases {
            for input in Input.allCases {
                var link = phase.link()
                let effects = input.feed(&link, phase.now).map { effect -> String in
                    if case .send(let frame) = effect { return "send(\(name(frame)))" }
                    if case .finished(let end) = effect { return "finished(\(end))" }
                    return String("\(effect)".prefix { $0 != "(" })
                }
                let line = "\(phase) + \(input): \(effects.joined(separator: " ")) > \(link.snapshot.phase)"
                table.append(line.replacing("  ", with: " "))
            }
        }
        #expect(table.joined(separator: "\n") == golden)
    }

    private func name(_ frame: [UInt8]) -> String {
        let number = ProtocolNumber(rawValue: UInt16(frame[0]) << 8 | UInt16(frame[1]))
        return "\(number) \(frame[2])"
    }
}

private enum Phase: String, CaseIterable {
    case dead
    case establish
    case authenticate
    case verifying
    case wanted
    case negotiating
    case up
    case terminate
    case finished

    /// Reached with a client on a clean wire, or by hand where the wire is faster.
    func link() -> Link { wire().link }
    var now: MonotonicTime { wire().now }

    private func wire() -> LossyPPPWire {
        let alice = SimulatedPPPClient.Configuration(user: "alice", passwords: ["s3cr3t"], methods: [.pap])
        var wire = LossyPPPWire(alice, methods: [.pap])
        let phase = { (wire: LossyPPPWire) in wire.link.snapshot.phase }
        switch self {
        case .dead:
            break
        case .establish:
            wire.take(wire.link.lowerLayerUp(at: wire.now))
        case .authenticate:
            wire.dial()
            wire.run(for: .seconds(1)) { phase($0) == "authenticate" }
        case .verifying:
            wire.delay = .seconds(1)
            wire.dial()
            wire.run(for: .milliseconds(500))
        case .wanted:
            wire.delay = .milliseconds(500)
            wire.dial()
            wire.run(for: .seconds(1)) { phase($0) == "network" }
        case .negotiating:
            wire.dial()
            wire.run(for: .seconds(1)) { wire in
                wire.effects.contains {
                    if case .send(let frame) = $0 { frame.starts(with: [0x80, 0x21]) } else { false }
                }
            }
        case .up:
            wire.dial()
            wire.runUntilUp()
        case .terminate:
            wire.dial()
            wire.runUntilUp()
            wire.take(wire.link.close(.administrative, at: wire.now))
        case .finished:
            wire.take(wire.link.lowerLayerUp(at: wire.now))
            wire.take(wire.link.lowerLayerDown(at: wire.now))
        }
        return wire
    }
}

private enum Input: String, CaseIterable {
    case lowerLayerUp
    case lowerLayerDown
    case lcpRequest
    case lcpGoodbye
    case papRequest
    case ipcpRequest
    case ccpRequest
    case userPacket
    case accepted
    case refused
    case offer
    case close

    func feed(_ link: inout Link, _ now: MonotonicTime) -> [Link.Effect] {
        switch self {
        case .lowerLayerUp: link.lowerLayerUp(at: now)
        case .lowerLayerDown: link.lowerLayerDown(at: now)
        case .lcpRequest: link.receive(hex("C021 01 63 0008 01 04 0500")[...], at: now)
        case .lcpGoodbye: link.receive(hex("C021 05 63 0004")[...], at: now)
        case .papRequest: link.receive(hex("C023 01 63 000E 05 616C696365 03 707764")[...], at: now)
        case .ipcpRequest: link.receive(hex("8021 01 63 000A 03 06 0A630002")[...], at: now)
        case .ccpRequest: link.receive(hex("80FD 01 63 0004")[...], at: now)
        case .userPacket: link.receive(hex("0021 45000014")[...], at: now)
        case .accepted: link.authenticated(.accepted(authenticatorResponse: nil), at: now)
        case .refused: link.authenticated(.refused(.wrongPassword), at: now)
        case .offer:
            link.openNetwork(
                NetworkOffer(
                    localAddress: IPAddress("10.99.0.1")!,
                    peerAddress: IPAddress("10.99.0.2")!,
                    dns: [],
                    wins: []
                ),
                at: now
            )
        case .close: link.close(.administrative, at: now)
        }
    }
}

private let golden = """
    dead + lowerLayerUp: send(LCP 1) > establish
    dead + lowerLayerDown: finished(lowerLayerDown) > dead
    dead + lcpRequest: send(LCP 1) send(LCP 2) > establish
    dead + lcpGoodbye: send(LCP 1) report send(LCP 6) finished(byPeer) > dead
    dead + papRequest: send(LCP 1) report > establish
    dead + ipcpRequest: send(LCP 1) > establish
    dead + ccpRequest: send(LCP 1) > establish
    dead + userPacket: send(LCP 1) > establish
    dead + accepted: > dead
    dead + refused: > dead
    dead + offer: > dead
    dead + close: finished(administrative) > dead
    establish + lowerLayerUp: > establish
    establish + lowerLayerDown: finished(lowerLayerDown) > dead
    establish + lcpRequest: send(LCP 2) > establish
    establish + lcpGoodbye: report send(LCP 6) finished(byPeer) > dead
    establish + papRequest: report > establish
    establish + ipcpRequest: > establish
    establish + ccpRequest: > establish
    establish + userPacket: > establish
    establish + accepted: > establish
    establish + refused: > establish
    establish + offer: > establish
    establish + close: send(LCP 5) > terminate
    authenticate + lowerLayerUp: > authenticate
    authenticate + lowerLayerDown: finished(lowerLayerDown) > dead
    authenticate + lcpRequest: send(LCP 1) send(LCP 2) > establish
    authenticate + lcpGoodbye: report send(LCP 6) > terminate
    authenticate + papRequest: verify > authenticate
    authenticate + ipcpRequest: > authenticate
    authenticate + ccpRequest: > authenticate
    authenticate + userPacket: > authenticate
    authenticate + accepted: > authenticate
    authenticate + refused: > authenticate
    authenticate + offer: > authenticate
    authenticate + close: send(LCP 5) > terminate
    verifying + lowerLayerUp: > authenticate
    verifying + lowerLayerDown: finished(lowerLayerDown) > dead
    verifying + lcpRequest: send(LCP 1) send(LCP 2) > establish
    verifying + lcpGoodbye: report send(LCP 6) > terminate
    verifying + papRequest: report > authenticate
    verifying + ipcpRequest: > authenticate
    verifying + ccpRequest: > authenticate
    verifying + userPacket: > authenticate
    verifying + accepted: send(PAP 2) report networkWanted > network
    verifying + refused: send(PAP 3) report send(LCP 5) > terminate
    verifying + offer: > authenticate
    verifying + close: send(LCP 5) > terminate
    wanted + lowerLayerUp: > network
    wanted + lowerLayerDown: finished(lowerLayerDown) > dead
    wanted + lcpRequest: send(LCP 1) send(LCP 2) > establish
    wanted + lcpGoodbye: report send(LCP 6) > terminate
    wanted + papRequest: send(PAP 2) > network
    wanted + ipcpRequest: > network
    wanted + ccpRequest: report send(LCP 8) > network
    wanted + userPacket: > network
    wanted + accepted: > network
    wanted + refused: > network
    wanted + offer: send(IPCP 1) > network
    wanted + close: send(LCP 5) > terminate
    negotiating + lowerLayerUp: > network
    negotiating + lowerLayerDown: finished(lowerLayerDown) > dead
    negotiating + lcpRequest: send(LCP 1) send(LCP 2) > establish
    negotiating + lcpGoodbye: report send(LCP 6) > terminate
    negotiating + papRequest: send(PAP 2) > network
    negotiating + ipcpRequest: send(IPCP 2) > network
    negotiating + ccpRequest: report send(LCP 8) > network
    negotiating + userPacket: > network
    negotiating + accepted: > network
    negotiating + refused: > network
    negotiating + offer: > network
    negotiating + close: send(LCP 5) > terminate
    up + lowerLayerUp: > network
    up + lowerLayerDown: networkDown report finished(lowerLayerDown) > dead
    up + lcpRequest: networkDown report send(LCP 1) send(LCP 2) > establish
    up + lcpGoodbye: report networkDown report send(LCP 6) > terminate
    up + papRequest: send(PAP 2) > network
    up + ipcpRequest: networkDown report send(IPCP 1) send(IPCP 2) > network
    up + ccpRequest: report send(LCP 8) > network
    up + userPacket: > network
    up + accepted: > network
    up + refused: > network
    up + offer: > network
    up + close: networkDown report send(LCP 5) > terminate
    terminate + lowerLayerUp: > terminate
    terminate + lowerLayerDown: finished(administrative) > dead
    terminate + lcpRequest: > terminate
    terminate + lcpGoodbye: send(LCP 6) > terminate
    terminate + papRequest: report > terminate
    terminate + ipcpRequest: > terminate
    terminate + ccpRequest: > terminate
    terminate + userPacket: > terminate
    terminate + accepted: > terminate
    terminate + refused: > terminate
    terminate + offer: > terminate
    terminate + close: > terminate
    finished + lowerLayerUp: > dead
    finished + lowerLayerDown: > dead
    finished + lcpRequest: > dead
    finished + lcpGoodbye: > dead
    finished + papRequest: > dead
    finished + ipcpRequest: > dead
    finished + ccpRequest: > dead
    finished + userPacket: > dead
    finished + accepted: > dead
    finished + refused: > dead
    finished + offer: > dead
    finished + close: > dead
    """
