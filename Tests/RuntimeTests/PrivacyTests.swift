// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import ControlPlane
import Glibc
import Primitives
import Testing

@testable import Runtime

struct PrivacyTests {
    private let time = WallClockTime(milliseconds: 1_795_222_923_456)

    private func privacy(
        _ names: PrivacySettings.Names,
        _ addresses: PrivacySettings.Addresses,
        _ folder: TemporaryFolder
    ) throws -> Privacy {
        var settings = PrivacySettings()
        settings.names = names
        settings.addresses = addresses
        settings.folder = folder.path + "/privacy"
        return try Privacy(settings)
    }

    /// Of every event, in every form that leaves the process: the daemon's own among them.
    private func outputs(_ privacy: inout Privacy?) -> [String] {
        let own: [(EventDescription, SocketAddress?)] = [
            (
                EventDescription(
                    .control,
                    .notice,
                    "ready",
                    "culvertd is ready on 198.51.100.77:500, [2001:db8:77::77]:500"
                ), nil
            ),
            (EventDescription(.kernel, .warning, "receive-failed", "198.51.100.77:500 cannot be read: x"), nil),
            (
                EventDescription(
                    .control,
                    .notice,
                    "terminate",
                    "1 call of user zqalice",
                    remedy: "ask zqalice at 10.77.0.77",
                    fields: [
                        .init("user", "zqalice"), .init("from", PrivateEvents.peer), .init("note", "zqalice left"),
                    ]
                ), PrivateEvents.peer
            ),
        ]
        let all = PrivateEvents.all().map { ($0.description, $0.peer) } + own
        return all.flatMap { description, peer -> [String] in
            var line = LogLine(time: time, description: description, trace: TraceID(rawValue: 1), peer: peer)
            if privacy != nil { line = privacy?.conceal(line) ?? line }
            let action = SecurityAction.of(description) ?? SecurityAction.all[0]
            let record = SecurityRecord(line, action, gateway: "gw1")
            let forms = [
                line.bytes(as: .text), line.bytes(as: .json), line.journalEntry().bytes, record.bytes(as: .ecs),
                record.bytes(as: .cef), record.journalEntry(as: .ecs).bytes,
            ]
            return forms.map { String(decoding: $0, as: UTF8.self) }
        }
    }

    @Test func everyKindThatIsPrivateIsInTheLists() {
        #expect(PrivateEvents.calls.allSatisfy(PrivateEvents.isPrivate))
        #expect(PrivateEvents.links.allSatisfy(PrivateEvents.isPrivate))
        #expect(PrivateEvents.tunnels().count == 6 && PrivateEvents.tunnels().allSatisfy(PrivateEvents.isPrivate))
        #expect(PrivateEvents.keys().count == 10 && PrivateEvents.keys().allSatisfy(PrivateEvents.isPrivate))
    }

    /// Or the tests below would find nothing for another reason.
    @Test func withoutTheSettingAllIsThere() {
        var none: Privacy?
        let text = outputs(&none).joined()
        for sentinel in PrivateEvents.sentinels { #expect(text.contains(sentinel), "\(sentinel)") }
    }

    @Test(arguments: [PrivacySettings.Names.pseudonym, .none], [PrivacySettings.Addresses.pseudonym, .network, .none])
    func nothingPrivateSurvives(names: PrivacySettings.Names, addresses: PrivacySettings.Addresses) throws {
        let folder = TemporaryFolder()
        var privacy: Privacy? = try privacy(names, addresses, folder)
        for output in outputs(&privacy) {
            for sentinel in PrivateEvents.sentinels { #expect(!output.contains(sentinel), "\(output)") }
            // Ports go with their addresses.
            #expect(!output.contains("50123"), "\(output)")
        }
    }

    @Test func whatIsClearStaysClear() throws {
        let folder = TemporaryFolder()
        var names: Privacy? = try privacy(.clear, .none, folder)
        let withNames = outputs(&names).joined()
        #expect(withNames.contains("zqalice") && withNames.contains("zqlaptop") && !withNames.contains("10.77.0.77"))
        var addresses: Privacy? = try privacy(.none, .clear, folder)
        let withAddresses = outputs(&addresses).joined()
        #expect(withAddresses.contains("198.51.100.77:50123") && !withAddresses.contains("zq"))
    }

    private func refusal(of user: String) -> LogLine {
        LogLine(
            time: time,
            description: EventDescription(
                .authentication,
                .warning,
                "user-refused",
                "User \(user) is refused",
                fields: [.init("user", user)]
            ),
            trace: nil,
            peer: PrivateEvents.peer
        )
    }

    @Test func linesOfOneDayCanBeRelated() throws {
        let folder = TemporaryFolder()
        var privacy = try privacy(.pseudonym, .pseudonym, folder)
        let first = privacy.conceal(refusal(of: "alice"))
        let second = privacy.conceal(refusal(of: "alice"))
        #expect(first == second)
        #expect(privacy.conceal(refusal(of: "bob")).description.fields != first.description.fields)
        let name = try #require(first.description.fields.first?.value)
        #expect(first.description.message == "User \(name) is refused")
        #expect(try PseudonymKeys.reveal(name, folder: privacy.settings.folder)?.value == "alice")
        guard case .concealed(let address) = first.source else { return #expect(Bool(false)) }
        #expect(try PseudonymKeys.reveal(address, folder: privacy.settings.folder)?.value == "198.51.100.77")
    }

    @Test func networksAreTwentyFourAndFortyEightBitsLong() throws {
        let folder = TemporaryFolder()
        var privacy = try privacy(.none, .network, folder)
        let description = EventDescription(
            .control,
            .info,
            "x",
            "198.51.100.77:500, [2001:db8:77:1::77]:500 and ::ffff:198.51.100.77"
        )
        let line = privacy.conceal(LogLine(time: time, description: description, trace: nil, peer: PrivateEvents.peer))
        #expect(line.description.message == "198.51.100.0/24, 2001:db8:77::/48 and 198.51.100.0/24")
        #expect(
            String(decoding: line.bytes(as: .text), as: UTF8.self)
                == "2026-11-21T01:02:03.456Z info control x peer=198.51.100.0/24: "
                + "198.51.100.0/24, 2001:db8:77::/48 and 198.51.100.0/24\n"
        )
        // No folder is made for keys that nobody needs.
        #expect(access(privacy.settings.folder, F_OK) != 0)
    }

    /// Rather nothing than the truth.
    @Test func withoutAKeyWhatIsPrivateIsLeftOut() throws {
        let folder = TemporaryFolder()
        var privacy = try privacy(.pseudonym, .pseudonym, folder)
        try #require(rename(privacy.settings.folder, folder.path + "/elsewhere") == 0)
        let line = privacy.conceal(refusal(of: "alice").at(WallClockTime(milliseconds: 0)))
        #expect(line.source == nil && line.description.fields.isEmpty)
        #expect(line.description.message == "User [name] is refused")
        #expect(privacy.takeProblem() != nil)
        #expect(privacy.takeProblem() == nil)
    }
}

extension LogLine {
    fileprivate func at(_ time: WallClockTime) -> LogLine {
        var line = self
        line.time = time
        return line
    }
}
