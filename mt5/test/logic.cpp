/**
 * Pure parts of the expert advisor as a program for tests. A line in, a line out; bytes are written in hex.
 *   crc <hex>                         -> eight hex digits
 *   json <hex>                        -> bad | key=kind:value … (values in hex)
 *   resp <hex>,<hex>,…                -> replies read from these pieces: `kind:item|item` …, then more | broken
 *   command <word hex>,<word hex>,…   -> hex of the command
 *   size <equity> <risk> <scale> <beta> <cap> <hedge error> <contract rate price min max step> ×2
 *                                     -> <lots a> <lots b> <refusal>
 *   utc <rule> <winter offset> <server seconds> -> utc seconds
 *   server <rule> <winter offset> <utc seconds> -> server seconds
 *   ticket <identity hex>             -> the first own ticket
 *   clock <utc ms>:<tick ms>,…        -> the clock's value at each of these times, comma-separated
 *   number <value> <digits>           -> JSON number
 *   sealed <hex> <cut>                -> result of MhLoadSealed for a file truncated by `cut` bytes: 1 | 0 | -1
 *   broker <symbol> <list or -> <suffix or -> -> name
 */
#include "mql5.h"
#include <Minutehand/Agent.mqh>
#include <iostream>
#include <sstream>

static MqlArray<uchar> bytesOf(const std::string &hex) {
  MqlArray<uchar> bytes;
  for (size_t at = 0; at + 1 < hex.size(); at += 2)
    bytes.raw().push_back((uchar)strtol(hex.substr(at, 2).c_str(), nullptr, 16));
  return bytes;
}
static std::string hexOf(const std::string &text) {
  std::string hex;
  char two[3];
  for (unsigned char unit : text) {
    snprintf(two, sizeof two, "%02x", unit);
    hex += two;
  }
  return hex;
}
static std::vector<std::string> parts(const std::string &list) {
  std::vector<std::string> out;
  std::istringstream rest(list);
  std::string one;
  while (std::getline(rest, one, ',')) out.push_back(one);
  return out;
}
static long FileSizeOf(const std::string &path) {
  struct stat about;
  return stat(path.c_str(), &about) == 0 ? about.st_size : 0;
}
static std::string textOf(const std::string &hex) {
  MqlArray<uchar> bytes = bytesOf(hex);
  return std::string(bytes.raw().begin(), bytes.raw().end());
}

int main(int, char **arguments) {
  terminal().commonFolder = arguments[1];
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string command, a, b, c;
    words >> command;
    std::ostringstream answer;
    answer.precision(12);
    if (command == "crc") {
      words >> a;
      MqlArray<uchar> bytes = bytesOf(a);
      answer << MhHex8(MhCrc32(bytes, 0, ArraySize(bytes))).utf8();
    } else if (command == "json") {
      words >> a;
      MhJson json;
      if (!json.Parse(string(textOf(a)))) answer << "bad";
      else
        for (int i = 0; i < json.Count(); i++)
          answer << (i ? " " : "") << hexOf(json.Key(i).utf8()) << "=" << json.Kind(i) << ":" << hexOf(json.Value(i).utf8());
    } else if (command == "resp") {
      words >> a;
      MhRespReader reader;
      MhReply reply;
      std::vector<std::string> pieces = parts(a);
      int got = MH_RESP_MORE;
      for (size_t piece = 0; piece < pieces.size() && got != MH_RESP_BROKEN; piece++) {
        MqlArray<uchar> bytes = bytesOf(pieces[piece]);
        reader.Add(bytes, ArraySize(bytes));
        while ((got = reader.Next(reply)) == MH_RESP_GOT) {
          answer << (char)reply.kind << ":";
          for (int i = 0; i < reply.items; i++)
            answer << (i ? "|" : "") << (reply.lengths[i] < 0 ? std::string("null") : hexOf(MhReplyText(reply, i).utf8()));
          answer << " ";
        }
      }
      answer << (got == MH_RESP_BROKEN ? "broken" : "more");
    } else if (command == "command") {
      words >> a;
      MhRespCommand made;
      std::vector<std::string> all = parts(a);
      made.Begin((int)all.size());
      for (const std::string &word : all) made.Add(string(textOf(word)));
      MqlArray<uchar> bytes;
      made.Take(bytes);
      answer << hexOf(std::string(bytes.raw().begin(), bytes.raw().end()));
    } else if (command == "size") {
      double equity, risk, scale, beta, cap, error;
      MhLotSpec specs[2];
      MhSizes sizes;
      words >> equity >> risk >> scale >> beta >> cap >> error;
      for (MhLotSpec &spec : specs) words >> spec.contract >> spec.rate >> spec.price >> spec.minLots >> spec.maxLots >> spec.stepLots;
      MhSize(equity, risk, scale, beta, cap, error, specs[0], specs[1], sizes);
      answer << sizes.lotsA << " " << sizes.lotsB << " " << sizes.refusal.utf8();
    } else if (command == "utc" || command == "server") {
      int rule, offset;
      long seconds;
      words >> rule >> offset >> seconds;
      answer << (command == "utc" ? MhUtcOf((MhDst)rule, offset, seconds) : MhServerTime((MhDst)rule, offset, seconds));
    } else if (command == "ticket") {
      words >> a;
      answer << MhFirstOwnTicket(string(textOf(a)));
    } else if (command == "clock") {
      words >> a;
      MhClock watch;
      for (const std::string &moment : parts(a)) {
        long utc = atol(moment.c_str());
        ulong tick = strtoul(moment.c_str() + moment.find(':') + 1, nullptr, 10);
        terminal().clock = [=] { return utc; };
        terminal().ticks = [=] { return tick; };
        answer << (answer.str().empty() ? "" : ",") << watch.NowMs();
      }
      terminal().clock = nullptr;
      terminal().ticks = nullptr;
    } else if (command == "number") {
      double value;
      int digits;
      words >> value >> digits;
      answer << MhNumber(value, digits).utf8();
    } else if (command == "sealed") {
      int cut;
      words >> a >> cut;
      string read;
      MhSaveSealed("sealed.json", string(textOf(a)));
      if (cut > 0) {
        std::string path = terminal().commonFolder + "/sealed.json";
        if (truncate(path.c_str(), (off_t)FileSizeOf(path) - cut) != 0) answer << "cannot ";
      }
      int found = MhLoadSealed("sealed.json", read);
      answer << found << " " << (found == 1 && read == string(textOf(a)) ? "same" : "other");
    } else if (command == "broker") {
      words >> a >> b >> c;
      answer << MhBrokerSymbol(string(a), string(b == "-" ? "" : b), string(c == "-" ? "" : c)).utf8();
    }
    std::cout << answer.str() << std::endl;
  }
}
