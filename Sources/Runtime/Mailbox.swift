// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Synchronization

/// How other threads speak to an event loop: they post, the loop's thread takes.
package final class Mailbox<Message: Sendable>: Sendable {
    private let messages = Mutex<[Message]>([])
    private let signal: OwnedDescriptor
    /// Messages that may wait; beyond it they are refused.
    private let limit: Int

    package init(limit: Int = 1024) throws(SystemError) {
        self.limit = limit
        signal = OwnedDescriptor(adopting: try valueOrError(culvert_eventfd(), "eventfd"))
    }

    /// Readable while messages wait.
    package var descriptor: Int32 { signal.rawValue }

    /// - Returns: `false` if the box is full; the message is then lost.
    package func post(_ message: Message) -> Bool {
        let (taken, isFirst) = messages.withLock { waiting in
            guard waiting.count < limit else { return (false, false) }
            waiting.append(message)
            return (true, waiting.count == 1)
        }
        if isFirst { _ = culvert_eventfd_give(signal.rawValue, 1) }
        return taken
    }

    /// Takes everything that waits, oldest first.
    package func take() -> [Message] {
        _ = culvert_eventfd_take(signal.rawValue)
        return messages.withLock { waiting in
            let taken = waiting
            waiting = []
            return taken
        }
    }
}
