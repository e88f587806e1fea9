// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Cryptography
import DataPlane
import IKE
import L2TP
import PPP
import Primitives
import Simulation
import Testing

/// Whole calls, told from their beginning.
struct ExplanationTests {
    private func explain(_ network: SimulatedNetwork, _ selector: TraceSelector = .last) throws -> TraceSnapshot {
        try #require(network.gateway.explanation(of: selector, at: network.now)).snapshot
    }

    /// Milliseconds, layer, event and words. What was chosen from which offer is IKE's to test.
    private func golden(_ snapshot: TraceSnapshot) -> [String] {
        snapshot.steps.filter { !$0.event.hasSuffix("-chosen") }.map { step in
            let text = step.text.split(separator: "; client").first ?? ""
            return "\(Int((step.at * 1000).rounded())) \(step.layer) \(step.event): \(text)"
        }
    }

    private func events(_ snapshot: TraceSnapshot) -> [String] { snapshot.steps.map { "\($0.layer) \($0.event)" } }

    @Test func aCallThatComesUpIsToldFromItsBeginning() throws {
        var network = try Fixture.network(clients: [Fixture.client(1, behindNAT: true)])
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        let snapshot = try explain(network)
        #expect(snapshot.state == "up" && snapshot.verdict == nil && snapshot.note == nil)
        #expect(snapshot.profile == "remote-access" && snapshot.user == "alice")
        #expect(snapshot.peer == "203.0.113.254:40001")
        #expect(snapshot.trace == network.gateway.calls(at: network.now).first?.trace)
        let session = try #require(network.kernel.sessions.keys.first)
        #expect(
            golden(snapshot) == [
                "0 ike started: the peer is where it says, key exchange begins with profile remote-access",
                "40 ike phase1-established: the peer 192.168.7.1 has proved to know the key; aes256-sha256-ecp256; "
                    + "peer behind NAT",
                "120 esp child-established: ESP stands: aes256-sha256, in UDP",
                "120 l2tp tunnel-opening: client-1 asks for a tunnel",
                "160 l2tp tunnel-established: tunnel \(session.tunnel) with client-1 stands",
                "200 l2tp session-established: session \(session) stands",
                "240 ppp lcp-opened: LCP is open, the peer takes packets of 1400 bytes and proves itself with mschapv2",
                "280 authentication user-authenticated: User alice is authenticated by mschapv2",
                "280 control address-assigned: user alice gets the address 10.99.0.2",
                "280 kernel session-created: the kernel has session \(session) as cv0",
                "320 ppp protocol-rejected: The peer asks for CCP, which is not spoken here",
                "400 ppp network-up: User alice has the address 10.99.0.2",
                "400 control call-up: user alice has 10.99.0.2 on cv0, MTU 1400, 320 ms after its keys",
            ]
        )
    }

    @Test func theWrongPreSharedKeyIsNamed() throws {
        var network = try Fixture.network(clients: [Fixture.client(1, preSharedKey: "other")])
        network.dial(0)
        network.run(for: .seconds(60))
        let snapshot = try explain(network)
        #expect(snapshot.state == "failed")
        #expect(events(snapshot) == ["ike started", "ike authentication-failed"])
        #expect(snapshot.verdict?.layer == "ike" && snapshot.verdict?.event == "authentication-failed")
        #expect(snapshot.verdict?.text == "the pre-shared key differs: the peer's proof is not readable with ours")
        #expect(snapshot.verdict?.remedy?.contains("`secret` of profile remote-access") == true)
    }

    @Test func aNameThatNoProfileHasIsNamed() throws {
        var configuration = try Fixture.configuration()
        configuration.ike.profiles[0].identities = [IdentityPattern("sales")]
        var network = try Fixture.network(clients: [Fixture.client(1)], configuration: configuration)
        network.dial(0)
        network.run(for: .seconds(60))
        let snapshot = try explain(network)
        #expect(snapshot.state == "failed")
        #expect(snapshot.verdict?.layer == "ike" && snapshot.verdict?.event == "identity-refused")
    }

    @Test func noCommonIKEProposalIsNamed() throws {
        let legacy = IKETransform(cipher: .tripleDESCBC, hash: .md5, group: .modp1024)
        var network = try Fixture.network(clients: [Fixture.client(1, ikeOffer: [legacy])])
        network.dial(0)
        network.run(for: .seconds(60))
        let snapshot = try explain(network)
        #expect(snapshot.state == "failed" && snapshot.peer == "203.0.113.11:500")
        #expect(events(snapshot) == ["ike no-proposal-chosen"])
        #expect(snapshot.verdict?.layer == "ike" && snapshot.verdict?.event == "no-proposal-chosen")
        #expect(snapshot.verdict?.text.contains("offered: 3des-md5-modp1024") == true)
        // By what the log says, too.
        let trace = try #require(network.events.compactMap(\.trace).first)
        #expect(try explain(network, .trace(trace)) == snapshot)
    }

    @Test func noCommonESPProposalIsNamed() throws {
        var configuration = try Fixture.configuration()
        configuration.ike.profiles[0].espProposals = [
            ESPTransform(cipher: .aesCBC(keyBits: 128), integrity: .hmacSHA1_96)
        ]
        var network = try Fixture.network(clients: [Fixture.client(1)], configuration: configuration)
        network.dial(0)
        network.run(for: .seconds(60))
        let snapshot = try explain(network)
        #expect(snapshot.state == "failed")
        #expect(events(snapshot).contains("ike phase1-established"))
        #expect(snapshot.verdict?.layer == "esp" && snapshot.verdict?.event == "no-proposal-chosen")
        #expect(snapshot.verdict?.remedy?.contains("esp-proposals") == true)
    }

    @Test func theWrongPasswordIsNamed() throws {
        var network = try Fixture.network(clients: [Fixture.client(1, password: "wrong password")])
        network.dial(0)
        network.run(for: .seconds(300))
        let snapshot = try explain(network)
        #expect(snapshot.state == "failed" && snapshot.user == "alice")
        #expect(snapshot.verdict?.layer == "authentication" && snapshot.verdict?.event == "user-refused")
        #expect(snapshot.verdict?.text.contains("the password is wrong") == true)
        #expect(events(snapshot).contains("control call-down"))
    }

    @Test func aFullPoolIsNamed() throws {
        var network = try Fixture.network(
            clients: [Fixture.client(1), Fixture.client(2, user: "bob")],
            pool: "10.99.0.0/30"
        )
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { $0.kernel.interfaces.count == 1 })
        network.dial(1)
        network.run(for: .seconds(30))
        let snapshot = try explain(network)
        #expect(snapshot.state == "failed" && snapshot.user == "bob")
        #expect(snapshot.verdict?.layer == "control" && snapshot.verdict?.event == "no-address")
        #expect(snapshot.verdict?.remedy == "enlarge addresses.pools")
        let first = try #require(IPAddress("203.0.113.11"))
        #expect(try explain(network, .peer(first)).state == "up")
    }

    @Test func l2tpThatNeverComesIsNamed() throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        network.blocked[0] = [.control]
        network.dial(0)
        network.run(for: .seconds(200))
        let snapshot = try explain(network)
        #expect(snapshot.state == "failed")
        #expect(snapshot.verdict?.layer == "l2tp" && snapshot.verdict?.event == "l2tp-never-came")
        #expect(snapshot.verdict?.text.contains("in 150 s nothing of L2TP arrived") == true)
    }

    @Test func keysThatThePeerDeletesAfter35SecondsAreExplained() throws {
        var network = try Fixture.network(clients: [Fixture.client(1, behindNAT: true)])
        network.blocked[0] = [.control]
        network.dial(0)
        network.run(for: .seconds(35))
        #expect(try explain(network).state == "opening")
        network.act(0) { $0.closeKeys(at: $1) }
        network.run(for: .seconds(60))
        let snapshot = try explain(network)
        #expect(snapshot.state == "failed")
        #expect(snapshot.verdict?.layer == "l2tp" && snapshot.verdict?.event == "l2tp-never-came")
        #expect(snapshot.verdict?.text.contains("in 34 s nothing of L2TP arrived through it; then the peer") == true)
        #expect(snapshot.verdict?.remedy?.hasPrefix("let UDP 4500 pass") == true)
        #expect(snapshot.verdict?.remedy?.contains("sha256-truncation") == true)
    }

    @Test func whoHangsUpHasNotFailed() throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        network.act(0) { $0.hangUp(at: $1) }
        network.run(for: .seconds(2))
        network.act(0) { $0.closeKeys(at: $1) }
        network.run(for: .seconds(120))
        let snapshot = try explain(network)
        #expect(snapshot.state == "ended" && snapshot.verdict == nil)
    }

    @Test func whoIsEndedByTheOperatorHasNotFailed() throws {
        var network = try Fixture.network(clients: [Fixture.client(1), Fixture.client(2, user: "bob")])
        network.dial(0)
        network.dial(1)
        #expect(network.run(for: .seconds(10)) { $0.kernel.interfaces.count == 2 })
        network.command(.terminate(.user("bob")))
        network.run(for: .seconds(40))
        let snapshot = try explain(network)
        #expect(snapshot.state == "ended" && snapshot.verdict == nil && snapshot.user == "bob")
    }

    @Test func whoFallsSilentHasFailed() throws {
        var network = try Fixture.network(clients: [Fixture.client(1, knowsDPD: true)])
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        network.blocked[0] = Set(SimulatedNetwork.Layer.allCases)
        network.run(for: .seconds(600))
        let snapshot = try explain(network)
        #expect(snapshot.state == "failed")
        let silences = ["dead-peer", "tunnel-peer-silent", "echo-timeout"]
        #expect(silences.contains(snapshot.verdict?.event ?? ""))
    }

    @Test func anIKESAThatFollowsAnotherIsToldWithIt() throws {
        var network = try Fixture.network(clients: [Fixture.client(1, behindNAT: true)])
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        network.act(0) { client, now in
            client.ike = SimulatedIKEInitiator(client.ike.settings, entropy: SeededEntropy(seed: 99))
            return client.start(at: now)
        }
        #expect(network.run(for: .seconds(10)) { !$0.clients[0].ike.children.isEmpty })
        network.run(for: .seconds(1))
        #expect(network.gateway.traces.count == 1)
        let snapshot = try explain(network)
        #expect(snapshot.state == "up")
        #expect(events(snapshot).count { $0 == "ike phase1-established" } == 2)
        #expect(events(snapshot).count { $0 == "esp child-established" } == 2)
        let heir = try #require(network.events.last { $0.description.name == "child-established" }?.trace)
        #expect(try explain(network, .trace(heir)) == snapshot)
    }

    @Test func nobodysEventsAreToldOfAnother() throws {
        var network = try Fixture.network(
            clients: [
                Fixture.client(1, behindNAT: true), Fixture.client(2, behindNAT: true, user: "bob"),
                Fixture.client(3, behindNAT: true, password: "wrong"),
                Fixture.client(4, behindNAT: true, preSharedKey: "other"),
                Fixture.client(5, behindNAT: true, user: "carol"),
            ]
        )
        for client in network.clients.indices { network.dial(client) }
        network.run(for: .seconds(60))
        let traces = network.gateway.traces
        #expect(traces.count == 5)
        for trace in traces {
            #expect(trace.entries.allSatisfy { $0.event.trace == trace.id })
            #expect(trace.entries.map(\.event) == network.events.filter { $0.trace == trace.id })
        }
        let states = traces.map { $0.summary(at: network.now) }.map { "\($0.user ?? "-") \($0.event ?? $0.state)" }
        #expect(
            states.sorted() == [
                "- authentication-failed", "alice up", "alice user-refused", "bob up", "carol user-refused",
            ]
        )
    }

    @Test func secretsAreNeverToldAndNamesAre() throws {
        for (password, key) in [("wrong secret", "labpsk"), ("secret of alice", "labpsk"), ("x", "wrong key")] {
            for method in AuthenticationMethod.allCases {
                var network = try Fixture.network(
                    clients: [Fixture.client(1, password: password, methods: [method], preSharedKey: key)]
                )
                network.dial(0)
                network.run(for: .seconds(30))
                let text = try String(describing: explain(network)) + String(describing: network.gateway.traces)
                #expect(!text.contains("labpsk") && !text.contains("wrong key"))
                #expect(!text.contains("secret of") && !text.contains("wrong secret"))
                #expect(text.contains("alice") == (key == "labpsk"))
            }
        }
    }

    @Test func aCallWhoseBeginningIsForgottenIsToldAsItStands() throws {
        var configuration = try Fixture.configuration()
        configuration.traceLimits.traces = 1
        var network = try Fixture.network(
            clients: [Fixture.client(1), Fixture.client(2, user: "bob")],
            configuration: configuration
        )
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { $0.kernel.interfaces.count == 1 })
        network.dial(1)
        #expect(network.run(for: .seconds(10)) { $0.kernel.interfaces.count == 2 })
        let peer = try #require(IPAddress("203.0.113.11"))
        let snapshot = try explain(network, .peer(peer))
        #expect(snapshot.state == "up" && snapshot.user == "alice" && snapshot.verdict == nil)
        #expect(
            snapshot.note
                == "how it came up is no longer kept (limits.traces is 1): this is how it stands now"
        )
        #expect(snapshot.steps.map(\.layer) == ["ike", "esp", "l2tp", "ppp", "authentication", "control"])
        let trace = try #require(snapshot.trace.flatMap(TraceID.init))
        #expect(try explain(network, .trace(trace)) == snapshot)
        #expect(network.gateway.explanation(of: .trace(TraceID(rawValue: 1)), at: network.now) == nil)
    }
}
