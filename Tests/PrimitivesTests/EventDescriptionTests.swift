// SPDX-License-Identifier: Apache-2.0
import Primitives
import Testing

@Suite struct EventDescriptionTests {
    @Test("Severities rise from debug to error")
    func severities() {
        let rising: [EventDescription.Severity] = [.debug, .info, .notice, .warning, .error]
        #expect(rising.reversed().sorted() == rising)
        #expect(!(EventDescription.Severity.info < .info))
    }

    @Test("A field keeps the text of its value")
    func fields() {
        let description = EventDescription(
            .ike,
            .warning,
            "no-proposal-chosen",
            "no proposal of the peer is acceptable",
            fields: [.init("peer", IPAddress.v4(0xC000_0201)), .init("count", 3)]
        )
        #expect(description.fields.map(\.name) == ["peer", "count"])
        #expect(description.fields.map(\.value) == ["192.0.2.1", "3"])
        #expect(description.remedy == nil)
    }
}
