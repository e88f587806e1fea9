// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Cryptography
import DataPlane
import Primitives
import Simulation
import Testing

/// Calls come, go, are lost, rekey, move, are killed, and are refused things; then all is as it was in the morning.
struct MixedDayTests {
    private struct Day {
        var network: SimulatedNetwork
        let entropy: SeededEntropy
        var seed: UInt64 = 1000
        let users = ["alice", "bob", "carol", "dave", "erin", "frank"]

        func number(below bound: Int) -> Int { Int(entropy.integer(in: 0...UInt32(bound - 1))) }

        mutating func replace(_ client: Int) throws {
            seed += 1
            let isGuesser = number(below: 6) == 0
            network.clients[client] = try Fixture.client(
                client + 1 + 10 * number(below: 3),
                behindNAT: number(below: 2) == 0,
                user: users[client],
                password: isGuesser ? "guess" : nil,
                knowsDPD: number(below: 2) == 0,
                seed: seed
            )
            network.blocked[client] = nil
            network.dial(client)
        }

        mutating func happen() throws {
            let client = number(below: users.count)
            switch number(below: 14) {
            case 0, 1:
                // Also in the middle of a call, without a word: it has rebooted.
                try replace(client)
            case 2:
                network.act(client) { $0.hangUp(at: $1) }
                network.run(for: .seconds(1))
                network.act(client) { $0.closeKeys(at: $1) }
            case 3:
                network.act(client) { $0.closeKeys(at: $1) }
            case 4:
                network.blocked[client] = Set(SimulatedNetwork.Layer.allCases)
            case 5:
                network.blocked[client] = nil
            case 6, 9:
                network.act(client) { client, now in
                    client.ike.startQuickMode(at: now).map(SimulatedClient.Packet.ike)
                }
            case 7, 10:
                let address = network.clients[client].outerAddress
                guard network.clients[client].ike.isNATFound else { break }
                network.clients[client].moveNAT(
                    to: IPAddress("198.51.100.\(1 + number(below: 200))") ?? address,
                    ports: [500: UInt16(20_000 + client), 4500: UInt16(30_000 + number(below: 1000))]
                )
                network.act(client) { client, now in client.sayHello(at: now) }
            case 8:
                if let id = network.kernel.sessions.keys.min(by: { $0.tunnel < $1.tunnel }), number(below: 2) == 0 {
                    network.kernel.lose(id)
                    network.notify(number(below: 2) == 0 ? .noticesLost : .vanished(.session(id)))
                } else {
                    network.command(.terminate(.user(users[client])))
                }
            case 11:
                network.act(client) { client, now in client.ike.rekeyIKE(at: now).map(SimulatedClient.Packet.ike) }
            case 12:
                network.act(client) { client, now in
                    client.ike.deleteAndRekeyIKE(at: now).map(SimulatedClient.Packet.ike)
                }
            default:
                for id in network.kernel.sessions.keys { network.kernel.carry(10, for: id) }
            }
            network.run(for: .seconds(1 + 7 * number(below: 10)))
        }
    }

    @Test(arguments: 1...12)
    func inTheEveningAllIsAsInTheMorning(_ seed: UInt64) throws {
        var configuration = try Fixture.configuration()
        for name in ["carol", "dave", "erin", "frank"] {
            configuration.users.append(
                User(name: name, secret: .password(SecretBytes(copying: Array("secret of \(name)".utf8))))
            )
        }
        configuration.users[0].address = IPAddress("10.99.0.200")
        configuration.users[2].address = IPAddress("10.99.0.201")
        let network = try Fixture.network(
            clients: (1...6).map { try Fixture.client($0) },
            configuration: configuration
        )
        var day = Day(network: network, entropy: SeededEntropy(seed: seed))
        let morning = day.network.gateway.tableSizes
        day.network.fate = { number in
            let dice = SeededEntropy(seed: seed &* 7_919 &+ UInt64(number)).integer(in: 0...99)
            return dice < 3 ? .lost : dice < 5 ? .doubled : dice < 7 ? .delayed(.milliseconds(300)) : .arrives
        }
        for _ in 0..<100 { try day.happen() }
        #expect(day.network.eventNames.contains("control call-up"))
        #expect(day.network.eventNames.contains("control call-down"))

        // Evening: nobody says anything any more, not even goodbye.
        for client in 0..<6 { day.network.blocked[client] = Set(SimulatedNetwork.Layer.allCases) }
        day.network.run(for: .seconds(600))
        #expect(day.network.kernel.sessions.isEmpty)
        #expect(day.network.gateway.status(at: day.network.now).pools.first?.used == 0)
        #expect(day.network.gateway.status(at: day.network.now).sessionCount == 0)
        day.network.run(for: .seconds(90_000))
        var evening = day.network.gateway.tableSizes
        #expect((evening["throttled"] ?? 0) < 60)
        evening["throttled"] = 0
        #expect(evening == morning)
        #expect(day.network.kernel.isClean)
        #expect(day.network.gateway.isIdle)
        #expect(day.network.gateway.nextDeadline == nil)
        // What was lost by order of this test, and what was on its way when its keys went.
        let serious = day.network.kernel.violations.filter { violation in
            !["the client cannot decrypt", "datagram", "the gateway cannot decrypt", "frame for"].contains {
                violation.hasPrefix($0)
            }
        }
        #expect(serious.isEmpty)
    }
}
