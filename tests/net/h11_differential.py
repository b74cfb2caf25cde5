"""Holds verdicts of our parser of requests against those of h11, an independent one.

Reads a file of lines of tab-separated fields: the bytes (hexadecimal), "accepted", "waiting" or "refused", then
for an accepted one method, target, body (hexadecimal) and the bytes used, for a refused one the reason.
What we accept, h11 must accept and read the same. What we refuse and h11 accepts must be refused for one
of the reasons for which this parser is the stricter one by intent.
"""
import sys

import h11

STRICTER = (
    "the first line is empty", "the Content-Length is no number", "there is more than one Content-Length", "the body's Content-Encoding",
    "only 100-continue", "the method is no word", "the version is neither", "the target", "the path",
    "the query", "this server is no proxy", "the Host is no name", "a chunk's size is too large",
    "HTTP/1.0 has no Transfer-Encoding", "a line ends with a bare LF", "a chunk's size is no hexadecimal",
    "there is a CR without LF", "there are Transfer-Encoding and Content-Length",
    "a line of the header begins with a space", "a line between its chunks", "a chunk's extension has",
    "there is more than one Host", "a trailer is no field", "the extensions of its chunks",
    "there is a control character",
)


def read(data):
    connection = h11.Connection(h11.SERVER)
    head, body = None, b""
    try:
        connection.receive_data(data)
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                used = len(data) - len(connection.trailing_data[0])
                return "accepted", head.method, head.target, body, used
            else:
                return ("waiting",)
    except h11.RemoteProtocolError as error:
        return "refused", str(error)


def main():
    compared = wrong = stricter = 0
    for line in open(sys.argv[1], encoding="ascii"):
        fields = line.rstrip("\n").split("\t")
        data = bytes.fromhex(fields[0])
        theirs = read(data)
        compared += 1
        if fields[1] == "accepted":
            ours = ("accepted", *(bytes.fromhex(field) for field in fields[2:5]), int(fields[5]))
            agreed = theirs == ours
        elif fields[1] == "waiting":
            agreed = theirs[0] != "accepted"
        else:
            agreed = theirs[0] != "accepted" or fields[2].startswith(STRICTER)
            stricter += theirs[0] == "accepted"
        if not agreed:
            wrong += 1
            if wrong <= 20:
                print("DISAGREE", data, fields[1:], theirs, sep="\n  ")
    print(f"{compared} requests compared with h11 {h11.__version__}: {wrong} disagreements, "
          f"{stricter} refused by intent only")
    return 1 if wrong or compared == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
