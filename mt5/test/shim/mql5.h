/**
 * The part of MQL5 that the expert advisor uses, for g++: types, text, files, sockets, time, and a terminal whose
 * prices, bars and broker a test controls (struct Terminal). Dynamic arrays are `T name[]` in MQL5, which is not C++;
 * compile.ts turns them into MqlArray<T> first.
 *
 * Behavior that is easy to get wrong is kept: an index outside an array ends the program, SocketIsReadable says 1 when
 * it does not know, SocketRead gives -1 when nothing comes in time, TimeGMT has whole seconds, files stand below a
 * common folder.
 *
 * `Terminal::faults` has the fault modes of a real terminal, each off by default.
 */
#pragma once
#include <algorithm>
#include <arpa/inet.h>
#include <cmath>
#include <cfloat>
#include <climits>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <map>
#include <memory>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <set>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <vector>

#define input

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
/** Unsigned, as in MQL5: a difference below zero becomes a time far in the future. */
typedef unsigned long datetime;
typedef int color;

static_assert(sizeof(long) == 8, "long has 64 bits in MQL5");

[[noreturn]] inline void shimFail(const std::string &why) {
  fprintf(stderr, "critical error: %s\n", why.c_str());
  exit(70);
}

/* ---------------------------------------------------------------- text */

inline std::u16string shimUtf16(std::string_view bytes) {
  size_t ascii = 0;
  while (ascii < bytes.size() && (unsigned char)bytes[ascii] < 0x80) ascii++;
  std::u16string out(bytes.begin(), bytes.begin() + (long)ascii);
  for (size_t i = ascii; i < bytes.size();) {
    unsigned char lead = (unsigned char)bytes[i];
    int more = lead < 0x80 ? 0 : lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : -1;
    uint32_t code = more == 0 ? lead : more == 1 ? lead & 31 : more == 2 ? lead & 15 : lead & 7;
    bool good = more >= 0 && i + more < bytes.size();
    for (int k = 1; good && k <= more; k++) {
      unsigned char next = (unsigned char)bytes[i + k];
      good = (next & 0xC0) == 0x80;
      code = code << 6 | (next & 63);
    }
    if (!good) {
      out += (char16_t)0xFFFD;
      i++;
      continue;
    }
    i += more + 1;
    if (code < 0x10000) out += (char16_t)code;
    else {
      code -= 0x10000;
      out += (char16_t)(0xD800 + (code >> 10));
      out += (char16_t)(0xDC00 + (code & 1023));
    }
  }
  return out;
}

inline std::string shimUtf8(const std::u16string &units) {
  std::string out(units.size(), '\0');
  size_t ascii = 0;
  for (; ascii < units.size() && units[ascii] < 0x80; ascii++) out[ascii] = (char)units[ascii];
  out.resize(ascii);
  for (size_t i = ascii; i < units.size(); i++) {
    uint32_t code = units[i];
    if (code >= 0xD800 && code < 0xDC00 && i + 1 < units.size() && units[i + 1] >= 0xDC00 && units[i + 1] < 0xE000)
      code = 0x10000 + ((code - 0xD800) << 10) + (units[++i] - 0xDC00);
    if (code < 0x80) out += (char)code;
    else if (code < 0x800) (out += (char)(0xC0 | code >> 6)) += (char)(0x80 | (code & 63));
    else if (code < 0x10000)
      ((out += (char)(0xE0 | code >> 12)) += (char)(0x80 | (code >> 6 & 63))) += (char)(0x80 | (code & 63));
    else
      (((out += (char)(0xF0 | code >> 18)) += (char)(0x80 | (code >> 12 & 63))) += (char)(0x80 | (code >> 6 & 63))) +=
          (char)(0x80 | (code & 63));
  }
  return out;
}

/** UTF-16 with value semantics. Numbers do not convert to it implicitly: MetaEditor warns of that. */
class string {
public:
  std::u16string units;
  string() {}
  string(const char *text) : units(shimUtf16(text)) {}
  string(const std::string &text) : units(shimUtf16(text)) {}
  string(std::u16string text) : units(std::move(text)) {}
  std::string utf8() const { return shimUtf8(units); }
  string &operator+=(const string &other) {
    units += other.units;
    return *this;
  }
};
inline string operator+(string a, const string &b) {
  a += b;
  return a;
}
inline bool operator==(const string &a, const string &b) { return a.units == b.units; }
inline bool operator!=(const string &a, const string &b) { return a.units != b.units; }

/** A string literal after compile.ts: in MQL5 it is a string, and "a" + "b" is one too. */
inline string operator""_s(const char *text, size_t size) { return string(shimUtf16(std::string_view(text, size))); }

template <class T> class MqlArray {
  std::vector<T> items;

public:
  T &operator[](long index) {
    if (index < 0 || index >= (long)items.size()) shimFail("array out of range");
    return items[index];
  }
  const T &operator[](long index) const {
    if (index < 0 || index >= (long)items.size()) shimFail("array out of range");
    return items[index];
  }
  std::vector<T> &raw() { return items; }
  const std::vector<T> &raw() const { return items; }
};

#define WHOLE_ARRAY -1
#define CP_UTF8 65001u
#define CP_ACP 0u
#define INVALID_HANDLE -1

template <class T> int ArraySize(const MqlArray<T> &array) { return (int)array.raw().size(); }
template <class T> int ArrayResize(MqlArray<T> &array, int size, int reserve = 0) {
  if (size < 0) return -1;
  if (reserve > 0 && (size_t)size > array.raw().capacity()) array.raw().reserve(size + reserve);
  array.raw().resize(size);
  return size;
}
template <class T> void ArrayFree(MqlArray<T> &array) { array.raw().clear(); }
template <class T>
int ArrayCopy(MqlArray<T> &to, const MqlArray<T> &from, int toStart = 0, int fromStart = 0, int count = WHOLE_ARRAY) {
  int available = (int)from.raw().size() - fromStart;
  int number = count == WHOLE_ARRAY || count > available ? available : count;
  if (number <= 0) return 0;
  std::vector<T> part(from.raw().begin() + fromStart, from.raw().begin() + fromStart + number);
  if ((int)to.raw().size() < toStart + number) to.raw().resize(toStart + number);
  std::copy(part.begin(), part.end(), to.raw().begin() + toStart);
  return number;
}
template <class T> bool ArrayRemove(MqlArray<T> &array, uint start, uint count) {
  if (start + count > array.raw().size()) return false;
  array.raw().erase(array.raw().begin() + start, array.raw().begin() + start + count);
  return true;
}

inline int StringLen(const string &text) { return (int)text.units.size(); }
inline ushort StringGetCharacter(const string &text, int at) {
  return at < 0 || at >= (int)text.units.size() ? 0 : (ushort)text.units[at];
}
inline int StringFind(const string &text, const string &part, int start = 0) {
  size_t at = text.units.find(part.units, start);
  return at == std::u16string::npos ? -1 : (int)at;
}
inline string StringSubstr(const string &text, int start, int length = -1) {
  if (length == 0) shimFail("StringSubstr of nothing: some builds give the rest");
  if (start < 0 || start >= (int)text.units.size()) return string();
  return string(length < 0 ? text.units.substr(start) : text.units.substr(start, length));
}
inline string ShortToString(ushort unit) { return string(std::u16string(1, (char16_t)unit)); }
inline string IntegerToString(long value) { return string(std::to_string(value)); }
inline string DoubleToString(double value, int digits = 8) {
  char text[400];
  snprintf(text, sizeof text, "%.*f", digits, value);
  return string(text);
}
inline double StringToDouble(const string &text) { return strtod(text.utf8().c_str(), nullptr); }
inline long StringToInteger(const string &text) { return strtol(text.utf8().c_str(), nullptr, 10); }
inline int StringReplace(string &text, const string &find, const string &replacement) {
  int count = 0;
  for (size_t at = 0; (at = text.units.find(find.units, at)) != std::u16string::npos; at += replacement.units.size()) {
    text.units.replace(at, find.units.size(), replacement.units);
    count++;
  }
  return count;
}
inline int StringTrimLeft(string &text) {
  size_t at = text.units.find_first_not_of(u" \t\r\n");
  size_t cut = at == std::u16string::npos ? text.units.size() : at;
  text.units.erase(0, cut);
  return (int)cut;
}
inline int StringTrimRight(string &text) {
  size_t at = text.units.find_last_not_of(u" \t\r\n");
  size_t keep = at == std::u16string::npos ? 0 : at + 1;
  size_t cut = text.units.size() - keep;
  text.units.erase(keep);
  return (int)cut;
}
inline int StringSplit(const string &text, ushort separator, MqlArray<string> &parts) {
  parts.raw().clear();
  if (text.units.empty()) return 0;
  size_t begin = 0;
  while (true) {
    size_t at = text.units.find((char16_t)separator, begin);
    parts.raw().push_back(string(text.units.substr(begin, at == std::u16string::npos ? at : at - begin)));
    if (at == std::u16string::npos) return (int)parts.raw().size();
    begin = at + 1;
  }
}
/** Copies the final zero too when `count` is WHOLE_ARRAY, as MQL5 does. */
inline int StringToCharArray(const string &text, MqlArray<uchar> &bytes, int start = 0, int count = WHOLE_ARRAY,
                             uint codepage = CP_ACP) {
  (void)codepage;
  std::string encoded = text.utf8();
  int number = count == WHOLE_ARRAY ? (int)encoded.size() + 1 : std::min(count, (int)encoded.size());
  if ((int)bytes.raw().size() < start + number) bytes.raw().resize(start + number);
  for (int i = 0; i < number; i++) bytes.raw()[start + i] = i < (int)encoded.size() ? (uchar)encoded[i] : 0;
  return number;
}
/** Ends at a zero, as MQL5 does. */
inline string CharArrayToString(const MqlArray<uchar> &bytes, int start = 0, int count = -1, uint codepage = CP_ACP) {
  (void)codepage;
  int end = count < 0 ? (int)bytes.raw().size() : std::min((int)bytes.raw().size(), start + count);
  std::string part;
  for (int i = start; i < end && bytes.raw()[i] != 0; i++) part += (char)bytes.raw()[i];
  return string(part);
}

/* ---------------------------------------------------------------- numbers */

inline double MathAbs(double value) { return std::fabs(value); }
inline int MathAbs(int value) { return std::abs(value); }
inline long MathAbs(long value) { return std::labs(value); }
inline double MathFloor(double value) { return std::floor(value); }
inline double MathCeil(double value) { return std::ceil(value); }
inline double MathRound(double value) { return std::round(value); }
inline double MathSqrt(double value) { return std::sqrt(value); }
template <class A, class B> auto MathMin(A a, B b) { return a < b ? a : b; }
template <class A, class B> auto MathMax(A a, B b) { return a > b ? a : b; }
inline bool MathIsValidNumber(double value) { return std::isfinite(value); }
inline double NormalizeDouble(double value, int digits) {
  double scale = std::pow(10, digits);
  return std::round(value * scale) / scale;
}

/* ---------------------------------------------------------------- the terminal that a test steers */

enum ENUM_TIMEFRAMES { PERIOD_CURRENT = 0, PERIOD_M1 = 1 };
struct MqlRates {
  datetime time;
  double open, high, low, close;
  long tick_volume;
  int spread;
  long real_volume;
};
struct MqlDateTime {
  int year, mon, day, hour, min, sec, day_of_week, day_of_year;
};
enum ENUM_CALENDAR_EVENT_TIMEMODE { CALENDAR_TIMEMODE_DATETIME, CALENDAR_TIMEMODE_DATE, CALENDAR_TIMEMODE_NOTIME, CALENDAR_TIMEMODE_TENTATIVE };
enum ENUM_CALENDAR_EVENT_IMPORTANCE { CALENDAR_IMPORTANCE_NONE, CALENDAR_IMPORTANCE_LOW, CALENDAR_IMPORTANCE_MODERATE, CALENDAR_IMPORTANCE_HIGH };
struct MqlCalendarCountry {
  ulong id;
  string name, code, currency;
};
struct MqlCalendarEvent {
  ulong id;
  ENUM_CALENDAR_EVENT_TIMEMODE time_mode;
  ulong country_id;
  ENUM_CALENDAR_EVENT_IMPORTANCE importance;
  string name;
};
struct MqlCalendarValue {
  ulong id, event_id;
  datetime time;
};
/** An event of the terminal's calendar. */
struct ShimNews {
  /** True time of the event. */
  long utc;
  std::string currency, name;
  int importance;
  ENUM_CALENDAR_EVENT_TIMEMODE mode;
};
struct MqlTick {
  datetime time;
  double bid, ask, last;
  ulong volume;
  long time_msc;
  uint flags;
  double volume_real;
};

struct ShimSymbol {
  double bid = 0, ask = 0, point = 0.00001, contract = 100000, minLots = 0.01, maxLots = 100, stepLots = 0.01;
  double tickSize = 0.00001, tickValue = 0;
  int digits = 5;
  int filling = 3;
  long tradeMode = 4;
  /** Execution by request 0, instant 1, market 2, exchange 3. */
  long execution = 1;
  std::string profitCurrency = "USD";
  /** Seconds of the server's day, every day except the closed ones (0 is Sunday). */
  std::vector<std::pair<datetime, datetime>> sessions = {{0, 86400}};
  std::set<int> closedDays;
  /** When it was added to Market Watch; -1: never. */
  long selectedMs = -1;
  std::vector<MqlRates> rates;
};
struct ShimDeal {
  ulong ticket, order, position;
  std::string symbol, comment;
  long type, entry, magic, timeMs;
  double volume, price, profit;
  /** True time at which it was made, and at which the terminal shows it. */
  long madeMs = 0, shownMs = 0;
  double fee = 0;
};
struct ShimPosition {
  ulong ticket;
  std::string symbol, comment;
  long type, magic;
  double volume, price;
  long madeMs = 0;
};
struct MqlTradeRequest;
/** An order at the broker, live until `dueMs`. */
struct ShimOrder {
  ulong ticket;
  std::string symbol, comment;
  long type, magic;
  double volume, executed;
  long madeMs, dueMs, shownMs;
  std::shared_ptr<MqlTradeRequest> request;
};
/** Each field is a fault mode. All times in true milliseconds. */
struct FaultModes {
  /** Delay until deals and finished orders are in the history. */
  long dealLagMs = 0;
  /** Lag of the list of positions behind the broker. */
  long positionLagMs = 0;
  /** Time after connecting during which positions, history and charts are stale. */
  long syncMs = 0;
  /** Number of deals of an order. */
  int dealsPerOrder = 1;
  /** Time that an order is live before it is executed; OrderSend answers at once. */
  long executionMs = 0;
  /** OrderSend's answer has neither deal nor price nor volume. */
  bool bareAnswers = false;
  /** Delay of the first price after a symbol was selected; -1: prices are always available. */
  long firstTickMs = -1;
  /**
   * CopyRates returns -1 when the whole interval is past the newest bar; the newest bar is incomplete; charts lack the
   * bars of times without a connection.
   */
  bool charts = false;
  /** Time after its minute until a bar is final. */
  long lateTickMs = 0;
  /** The clock of the PC is ahead of the true time. */
  long pcAheadMs = 0;
  /** TimeCurrent is the time of the last tick; not set: ticks come all the time. */
  std::function<long()> lastTickMs;
  /** Orders are refused out of session. */
  bool sessions = false;
  /** FileMove copies and then deletes. */
  bool moveCopies = false;
  /** Time that a scanner holds a file after it was written. */
  long scannerMs = 0;
  /** Maximum number of bytes that SocketSend writes. */
  int sendBytes = 0;
  /** Commission of each deal, as DEAL_FEE. */
  double dealFee = 0;
};
struct Terminal {
  std::string commonFolder = ".";
  /** Milliseconds UTC; the machine's own clock when not set. */
  std::function<long()> clock;
  /** The tick counter; as `clock` when not set. */
  std::function<ulong()> ticks;
  long serverOffsetSeconds = 0;
  std::map<std::string, ShimSymbol> symbols;
  std::vector<ShimNews> news;
  /** The calendar's server does not answer. */
  bool newsFails = false;
  bool hedging = true, connected = true, tradeAllowed = true;
  /** In the strategy tester: all clocks are the server's. */
  bool tester = false;
  /** Before the log-in the account has no data: login, equity and balance are 0, texts empty. */
  bool loggedIn = true;
  long login = 1;
  double equity = 10000, balance = 10000;
  std::string currency = "USD";
  FaultModes faults;
  /** The broker's side. */
  std::vector<ShimPosition> positions;
  std::vector<ShimDeal> deals;
  std::vector<ShimOrder> orders;
  /** No order before this index is live; 0 after `orders` was replaced. */
  size_t firstLive = 0;
  std::vector<std::pair<long, std::vector<ShimPosition>>> positionLog;
  /**
   * Until it is in sync again the terminal shows the broker's side as of this time; -1 shows nothing, LONG_MAX the
   * present.
   */
  long frozenMs = LONG_MAX, syncedMs = 0;
  /** Until this time the terminal has not noticed that the PC slept, and reports its charts as synchronized. */
  long staleUntilMs = 0;
  /** Charts lack the minutes in between until the terminal is in sync. */
  long holeFromMs = LONG_MAX, holeToMs = LONG_MAX;
  std::map<std::string, long> heldFiles;
  /** Replaces Sleep; real time passes when not set. */
  std::function<void(long)> sleep;
  /** Answers WebRequest in place of a server: status and body. */
  std::function<std::pair<int, std::string>(const std::string &method, const std::string &url, const std::string &body)> http;
  ulong nextTicket = 1000;
  int ordersSent = 0;
  /** Return code for a request, or 0 to execute it; may change the executed volume, or crash the program. */
  std::function<uint(const MqlTradeRequest &, double &volume)> broker;
  /** Whether an order is executed although its answer is lost. */
  bool answerLost = false;
  /**
   * Called before bytes are written and files renamed; may end the program there. Returns how many of the bytes are
   * written before it is called again.
   */
  std::function<int(int bytes)> beforeFile;
  /** Some brokers drop comments. */
  bool dropsComments = false;
  std::vector<std::string> printed;
  bool echo = false;
  std::map<std::string, std::string> labels;
  bool stopped = false;
  long lastError = 0;
};
inline Terminal &terminal() {
  static Terminal one;
  return one;
}
inline ShimSymbol *shimSymbol(const string &name) {
  auto found = terminal().symbols.find(name.utf8());
  return found == terminal().symbols.end() ? nullptr : &found->second;
}

inline std::string shimText(const string &value) { return value.utf8(); }
inline std::string shimText(const char *value) { return value; }
inline std::string shimText(const std::string &value) { return value; }
inline std::string shimText(bool value) { return value ? "true" : "false"; }
inline std::string shimText(double value) { return std::to_string(value); }
template <class T> std::string shimText(T value) { return std::to_string(value); }
template <class... T> void Print(const T &...parts) {
  std::string line;
  ((line += shimText(parts)), ...);
  terminal().printed.push_back(line);
  if (terminal().echo) fprintf(stderr, "%s\n", line.c_str());
}
template <class... T> void Alert(const T &...parts) { Print(parts...); }
inline int GetLastError() { return (int)terminal().lastError; }
inline void ResetLastError() { terminal().lastError = 0; }
inline bool IsStopped() { return terminal().stopped; }
inline void ExpertRemove() { terminal().stopped = true; }

/* ---------------------------------------------------------------- time */

inline long shimNowMs() {
  if (terminal().clock) return terminal().clock();
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1000L + now.tv_nsec / 1000000;
}
/** Time of the PC's clock. */
inline long shimPcMs() { return shimNowMs() + terminal().faults.pcAheadMs; }
inline datetime TimeGMT() { return (datetime)(shimPcMs() / 1000 + (terminal().tester ? terminal().serverOffsetSeconds : 0)); }
/** Calculated in the terminal from the PC's clock. */
inline datetime TimeTradeServer() { return (datetime)(shimPcMs() / 1000 + terminal().serverOffsetSeconds); }
/** Of the last tick of all symbols. */
inline datetime TimeCurrent() {
  const Terminal &world = terminal();
  return (datetime)((world.faults.lastTickMs ? world.faults.lastTickMs() : shimNowMs()) / 1000 + world.serverOffsetSeconds);
}
inline datetime TimeLocal() { return TimeGMT(); }
inline void Sleep(int ms) {
  if (terminal().sleep) terminal().sleep(ms);
  else usleep((useconds_t)ms * 1000);
}
inline ulong GetMicrosecondCount() {
  if (terminal().clock) return (ulong)terminal().clock() * 1000;
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (ulong)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
inline ulong GetTickCount64() { return terminal().ticks ? terminal().ticks() : GetMicrosecondCount() / 1000; }
inline bool TimeToStruct(datetime time, MqlDateTime &parts) {
  // The year 3000 is the last one of MQL5.
  if (time > 32535215999UL) return false;
  time_t seconds = (time_t)time;
  tm broken;
  gmtime_r(&seconds, &broken);
  parts = {broken.tm_year + 1900, broken.tm_mon + 1, broken.tm_mday, broken.tm_hour,
           broken.tm_min, broken.tm_sec, broken.tm_wday, broken.tm_yday};
  return true;
}
inline datetime StructToTime(MqlDateTime &parts) {
  tm broken = {};
  broken.tm_year = parts.year - 1900;
  broken.tm_mon = parts.mon - 1;
  broken.tm_mday = parts.day;
  broken.tm_hour = parts.hour;
  broken.tm_min = parts.min;
  broken.tm_sec = parts.sec;
  return (datetime)timegm(&broken);
}
#define TIME_DATE 1
#define TIME_MINUTES 2
#define TIME_SECONDS 4
inline string TimeToString(datetime time, int mode = TIME_DATE | TIME_MINUTES) {
  MqlDateTime at;
  TimeToStruct(time, at);
  char text[40];
  snprintf(text, sizeof text, mode & TIME_SECONDS ? "%04d.%02d.%02d %02d:%02d:%02d" : "%04d.%02d.%02d %02d:%02d", at.year,
           at.mon, at.day, at.hour, at.min, at.sec);
  return string(text);
}
inline bool EventSetMillisecondTimer(int) { return true; }
inline void EventKillTimer() {}

/* ---------------------------------------------------------------- files */

enum {
  FILE_READ = 1, FILE_WRITE = 2, FILE_BIN = 4, FILE_CSV = 8, FILE_TXT = 16, FILE_ANSI = 32, FILE_UNICODE = 64,
  FILE_SHARE_READ = 128, FILE_SHARE_WRITE = 256, FILE_REWRITE = 512, FILE_COMMON = 4096
};
enum ENUM_FILE_POSITION { SEEK_SET_ = 0 };
inline std::string shimPath(const string &name, int flags) {
  if (!(flags & FILE_COMMON)) shimFail("a file outside of the common folder: " + name.utf8());
  std::string path = name.utf8();
  for (char &unit : path)
    if (unit == '\\') unit = '/';
  if (path.find("..") != std::string::npos || path[0] == '/') shimFail("a path that leaves the sandbox: " + path);
  return terminal().commonFolder + "/" + path;
}
inline std::map<int, FILE *> &shimFiles() {
  static std::map<int, FILE *> files;
  return files;
}
/** Whether a scanner has a file open: it can be neither opened, moved nor deleted. */
inline bool shimIsHeld(const std::string &path) {
  auto held = terminal().heldFiles.find(path);
  return held != terminal().heldFiles.end() && shimNowMs() < held->second;
}
inline void shimScan(const std::string &path) {
  if (terminal().faults.scannerMs > 0) terminal().heldFiles[path] = shimNowMs() + terminal().faults.scannerMs;
}
inline std::map<int, std::string> &shimWritten() {
  static std::map<int, std::string> written;
  return written;
}
inline int FileOpen(const string &name, int flags, ushort = '\t', uint = CP_ACP) {
  if (!(flags & FILE_BIN)) shimFail("only binary files are used");
  std::string path = shimPath(name, flags);
  if (shimIsHeld(path)) {
    terminal().lastError = 5004;
    return INVALID_HANDLE;
  }
  bool both = (flags & FILE_READ) && (flags & FILE_WRITE);
  FILE *file = fopen(path.c_str(), both ? "r+b" : flags & FILE_WRITE ? "wb" : "rb");
  if (!file && (flags & FILE_WRITE)) {
    for (size_t at = terminal().commonFolder.size() + 1; (at = path.find('/', at)) != std::string::npos; at++)
      mkdir(path.substr(0, at).c_str(), 0755);
    file = fopen(path.c_str(), both ? "w+b" : "wb");
  }
  if (!file) {
    terminal().lastError = 5004;
    return INVALID_HANDLE;
  }
  // Without sharing, a file is exclusive to its opener.
  if ((flags & FILE_WRITE) && !(flags & (FILE_SHARE_READ | FILE_SHARE_WRITE)) && flock(fileno(file), LOCK_EX | LOCK_NB) != 0) {
    fclose(file);
    terminal().lastError = 5004;
    return INVALID_HANDLE;
  }
  int handle = 1;
  while (shimFiles().count(handle)) handle++;
  shimFiles()[handle] = file;
  shimWritten()[handle] = flags & FILE_WRITE ? path : "";
  return handle;
}
inline void FileClose(int handle) {
  fclose(shimFiles().at(handle));
  shimFiles().erase(handle);
  if (shimWritten()[handle] != "") shimScan(shimWritten()[handle]);
}
inline ulong FileSize(int handle) {
  FILE *file = shimFiles().at(handle);
  fflush(file);
  struct stat about;
  fstat(fileno(file), &about);
  return (ulong)about.st_size;
}
inline bool FileSeek(int handle, long offset, int origin) { return fseek(shimFiles().at(handle), offset, origin) == 0; }
inline void FileFlush(int handle) { fflush(shimFiles().at(handle)); }
inline uint FileReadArray(int handle, MqlArray<uchar> &bytes, int start = 0, int count = WHOLE_ARRAY) {
  FILE *file = shimFiles().at(handle);
  if (count == WHOLE_ARRAY) count = (int)FileSize(handle);
  bytes.raw().resize(start + count);
  size_t got = fread(bytes.raw().data() + start, 1, count, file);
  bytes.raw().resize(start + got);
  return (uint)got;
}
inline uint FileWriteArray(int handle, const MqlArray<uchar> &bytes, int start = 0, int count = WHOLE_ARRAY) {
  if (count == WHOLE_ARRAY) count = (int)bytes.raw().size() - start;
  FILE *file = shimFiles().at(handle);
  int first = terminal().beforeFile ? terminal().beforeFile(count) : count;
  size_t written = fwrite(bytes.raw().data() + start, 1, first, file);
  if (first < count) {
    terminal().beforeFile(-1);
    written += fwrite(bytes.raw().data() + start + first, 1, count - first, file);
  }
  return (uint)written;
}
inline bool FileIsExist(const string &name, int flags = 0) { return access(shimPath(name, flags).c_str(), F_OK) == 0; }
inline bool FileDelete(const string &name, int flags = 0) {
  return !shimIsHeld(shimPath(name, flags)) && unlink(shimPath(name, flags).c_str()) == 0;
}
/** In two parts when the file hook requires it: a crash in between leaves a truncated file. */
inline bool shimCopy(const std::string &from, const std::string &to) {
  FILE *source = fopen(from.c_str(), "rb");
  if (!source) return false;
  std::string bytes;
  char part[65536];
  for (size_t got; (got = fread(part, 1, sizeof part, source)) > 0;) bytes.append(part, got);
  fclose(source);
  FILE *target = fopen(to.c_str(), "wb");
  if (!target) return false;
  size_t first = terminal().beforeFile ? (size_t)terminal().beforeFile((int)bytes.size()) : bytes.size();
  fwrite(bytes.data(), 1, first, target);
  fflush(target);
  if (first < bytes.size()) {
    fclose(target);
    terminal().beforeFile(-1);
    target = fopen(to.c_str(), "ab");
    fwrite(bytes.data() + first, 1, bytes.size() - first, target);
  }
  return fclose(target) == 0;
}
inline bool shimMayReplace(const std::string &from, const std::string &to, int flags) {
  if (shimIsHeld(from) || shimIsHeld(to)) {
    terminal().lastError = 5004;
    return false;
  }
  return (flags & FILE_REWRITE) || access(to.c_str(), F_OK) != 0;
}
inline bool FileCopy(const string &from, int fromFlags, const string &to, int toFlags) {
  std::string source = shimPath(from, fromFlags), target = shimPath(to, toFlags | FILE_COMMON);
  return shimMayReplace(source, target, toFlags) && shimCopy(source, target);
}
inline bool FileMove(const string &from, int fromFlags, const string &to, int toFlags) {
  std::string source = shimPath(from, fromFlags), target = shimPath(to, toFlags | FILE_COMMON);
  if (!terminal().faults.moveCopies && terminal().beforeFile) terminal().beforeFile(0);
  if (!shimMayReplace(source, target, toFlags)) return false;
  bool isMoved = terminal().faults.moveCopies ? shimCopy(source, target) && unlink(source.c_str()) == 0 : rename(source.c_str(), target.c_str()) == 0;
  shimScan(target);
  return isMoved;
}
inline bool FolderCreate(const string &name, int flags = 0) {
  std::string path = shimPath(name, flags);
  for (size_t at = terminal().commonFolder.size() + 1; (at = path.find('/', at)) != std::string::npos; at++)
    mkdir(path.substr(0, at).c_str(), 0755);
  return mkdir(path.c_str(), 0755) == 0 || errno == EEXIST;
}

/* ---------------------------------------------------------------- sockets */

inline int SocketCreate(uint = 0) { return socket(AF_INET, SOCK_STREAM, 0); }
inline bool SocketClose(int handle) { return close(handle) == 0; }
inline bool SocketConnect(int handle, const string &host, uint port, uint timeoutMs) {
  addrinfo hints = {}, *found = nullptr;
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host.utf8().c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return false;
  fcntl(handle, F_SETFL, fcntl(handle, F_GETFL) | O_NONBLOCK);
  int done = connect(handle, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  if (done != 0) {
    pollfd one = {handle, POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof error;
    if (poll(&one, 1, (int)timeoutMs) != 1 || getsockopt(handle, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
      terminal().lastError = 5272;
      return false;
    }
  }
  int on = 1;
  setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return true;
}
inline bool SocketIsConnected(int handle) {
  char unit;
  ssize_t got = recv(handle, &unit, 1, MSG_PEEK | MSG_DONTWAIT);
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
}
/** 1 even without data, as in MQL5. */
inline uint SocketIsReadable(int handle) {
  int count = 0;
  ioctl(handle, FIONREAD, &count);
  return count > 0 ? (uint)count : 1;
}
inline int SocketRead(int handle, MqlArray<uchar> &bytes, uint maxLength, uint timeoutMs) {
  if (timeoutMs == 0) shimFail("SocketRead with timeout 0 waits for two minutes");
  pollfd one = {handle, POLLIN, 0};
  if (poll(&one, 1, (int)timeoutMs) != 1) {
    terminal().lastError = 0;
    return -1;
  }
  bytes.raw().resize(maxLength);
  ssize_t got = recv(handle, bytes.raw().data(), maxLength, 0);
  if (got <= 0) {
    bytes.raw().clear();
    terminal().lastError = 5273;
    return -1;
  }
  bytes.raw().resize(got);
  return (int)got;
}
inline int SocketSend(int handle, const MqlArray<uchar> &bytes, uint length) {
  size_t sent = 0;
  if (terminal().faults.sendBytes > 0) length = std::min(length, (uint)terminal().faults.sendBytes);
  while (sent < length) {
    pollfd one = {handle, POLLOUT, 0};
    if (poll(&one, 1, 1000) != 1) return sent > 0 ? (int)sent : -1;
    ssize_t now = send(handle, bytes.raw().data() + sent, length - sent, MSG_NOSIGNAL);
    if (now <= 0) {
      terminal().lastError = 5273;
      return -1;
    }
    sent += now;
  }
  return (int)sent;
}
inline bool SocketTimeouts(int, uint, uint) { return true; }

inline int WebRequest(const string &method, const string &url, const string &headers, int timeoutMs,
                      const MqlArray<char> &data, MqlArray<char> &result, string &resultHeaders) {
  if (terminal().http) {
    auto answered = terminal().http(method.utf8(), url.utf8(), std::string(data.raw().data(), data.raw().size()));
    result.raw().assign(answered.second.begin(), answered.second.end());
    resultHeaders = string("HTTP/1.1");
    return answered.first;
  }
  std::string address = url.utf8();
  size_t begin = address.find("://") + 3, path = address.find('/', begin);
  std::string host = address.substr(begin, path - begin), port = "80";
  if (host.find(':') != std::string::npos) {
    port = host.substr(host.find(':') + 1);
    host = host.substr(0, host.find(':'));
  }
  int handle = SocketCreate();
  if (!SocketConnect(handle, string(host), (uint)atoi(port.c_str()), (uint)timeoutMs)) {
    close(handle);
    return -1;
  }
  std::string message = method.utf8() + " " + address.substr(path) + " HTTP/1.1\r\nHost: " + host + ":" + port +
                        "\r\nConnection: close\r\n" + headers.utf8() + "Content-Length: " +
                        std::to_string(data.raw().size()) + "\r\n\r\n" + std::string(data.raw().data(), data.raw().size());
  MqlArray<uchar> bytes;
  bytes.raw().assign(message.begin(), message.end());
  std::string answer;
  if (SocketSend(handle, bytes, (uint)message.size()) == (int)message.size()) {
    MqlArray<uchar> part;
    while (SocketRead(handle, part, 65536, (uint)timeoutMs) > 0) answer.append(part.raw().begin(), part.raw().end());
  }
  close(handle);
  size_t split = answer.find("\r\n\r\n");
  if (answer.compare(0, 9, "HTTP/1.1 ") != 0 || split == std::string::npos) return -1;
  std::string head = answer.substr(0, split), body = answer.substr(split + 4);
  if (head.find("chunked") != std::string::npos) {
    std::string whole;
    for (size_t at = 0; at < body.size();) {
      size_t end = body.find("\r\n", at);
      if (end == std::string::npos) break;
      size_t length = strtoul(body.c_str() + at, nullptr, 16);
      if (length == 0) break;
      whole += body.substr(end + 2, length);
      at = end + 2 + length + 2;
    }
    body = whole;
  }
  result.raw().assign(body.begin(), body.end());
  resultHeaders = string(head);
  return atoi(answer.c_str() + 9);
}

/* ---------------------------------------------------------------- symbols and bars */

enum ENUM_SYMBOL_INFO_DOUBLE {
  SYMBOL_BID, SYMBOL_ASK, SYMBOL_POINT, SYMBOL_TRADE_CONTRACT_SIZE, SYMBOL_VOLUME_MIN, SYMBOL_VOLUME_MAX,
  SYMBOL_VOLUME_STEP, SYMBOL_TRADE_TICK_SIZE, SYMBOL_TRADE_TICK_VALUE
};
enum ENUM_SYMBOL_INFO_INTEGER { SYMBOL_DIGITS, SYMBOL_FILLING_MODE, SYMBOL_TRADE_MODE, SYMBOL_SELECT, SYMBOL_EXIST, SYMBOL_TRADE_EXEMODE };
enum ENUM_SYMBOL_TRADE_EXECUTION {
  SYMBOL_TRADE_EXECUTION_REQUEST, SYMBOL_TRADE_EXECUTION_INSTANT, SYMBOL_TRADE_EXECUTION_MARKET, SYMBOL_TRADE_EXECUTION_EXCHANGE
};
enum ENUM_SYMBOL_INFO_STRING { SYMBOL_CURRENCY_PROFIT };
enum { SYMBOL_FILLING_FOK = 1, SYMBOL_FILLING_IOC = 2 };
enum ENUM_SYMBOL_TRADE_MODE {
  SYMBOL_TRADE_MODE_DISABLED, SYMBOL_TRADE_MODE_LONGONLY, SYMBOL_TRADE_MODE_SHORTONLY, SYMBOL_TRADE_MODE_CLOSEONLY,
  SYMBOL_TRADE_MODE_FULL
};
inline bool SymbolSelect(const string &name, bool) {
  ShimSymbol *one = shimSymbol(name);
  if (one && one->selectedMs < 0) one->selectedMs = shimNowMs();
  return one != nullptr;
}
/** A symbol just selected has no prices. */
inline bool shimHasPrice(const ShimSymbol &symbol) {
  const Terminal &world = terminal();
  if (world.faults.firstTickMs < 0) return true;
  return symbol.selectedMs >= 0 && shimNowMs() >= symbol.selectedMs + world.faults.firstTickMs;
}
inline double SymbolInfoDouble(const string &name, ENUM_SYMBOL_INFO_DOUBLE property) {
  ShimSymbol *one = shimSymbol(name);
  if (!one) return 0;
  switch (property) {
    case SYMBOL_BID: return shimHasPrice(*one) ? one->bid : 0;
    case SYMBOL_ASK: return shimHasPrice(*one) ? one->ask : 0;
    case SYMBOL_POINT: return one->point;
    case SYMBOL_TRADE_CONTRACT_SIZE: return one->contract;
    case SYMBOL_VOLUME_MIN: return one->minLots;
    case SYMBOL_VOLUME_MAX: return one->maxLots;
    case SYMBOL_VOLUME_STEP: return one->stepLots;
    case SYMBOL_TRADE_TICK_SIZE: return one->tickSize;
    case SYMBOL_TRADE_TICK_VALUE: return one->tickValue;
  }
  return 0;
}
inline long SymbolInfoInteger(const string &name, ENUM_SYMBOL_INFO_INTEGER property) {
  ShimSymbol *one = shimSymbol(name);
  if (!one) return 0;
  switch (property) {
    case SYMBOL_DIGITS: return one->digits;
    case SYMBOL_FILLING_MODE: return one->filling;
    case SYMBOL_TRADE_MODE: return one->tradeMode;
    case SYMBOL_TRADE_EXEMODE: return one->execution;
    case SYMBOL_SELECT:
    case SYMBOL_EXIST: return 1;
  }
  return 0;
}
inline string SymbolInfoString(const string &name, ENUM_SYMBOL_INFO_STRING) {
  ShimSymbol *one = shimSymbol(name);
  return one ? string(one->profitCurrency) : string();
}
enum ENUM_DAY_OF_WEEK { SUNDAY, MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY };
inline bool SymbolInfoSessionTrade(const string &name, ENUM_DAY_OF_WEEK day, uint session, datetime &from, datetime &to) {
  ShimSymbol *one = shimSymbol(name);
  if (!one || one->closedDays.count(day) || session >= one->sessions.size()) return false;
  from = one->sessions[session].first;
  to = one->sessions[session].second;
  return true;
}
inline bool shimIsInSession(const ShimSymbol &symbol, long trueMs) {
  long second = trueMs / 1000 + terminal().serverOffsetSeconds, day = (second / 86400 + 4) % 7;
  if (symbol.closedDays.count((int)day)) return false;
  for (auto &one : symbol.sessions)
    if (second % 86400 >= (long)one.first && second % 86400 < (long)one.second) return true;
  return symbol.sessions.empty();
}
inline bool shimIsSynced() { return terminal().connected && shimNowMs() >= terminal().syncedMs; }
enum ENUM_SERIES_INFO_INTEGER { SERIES_BARS_COUNT, SERIES_FIRSTDATE, SERIES_LASTBAR_DATE, SERIES_SERVER_FIRSTDATE, SERIES_TERMINAL_FIRSTDATE, SERIES_SYNCHRONIZED };
/** Bars of [from, to] that the terminal's chart of a symbol has now, in server time. */
inline std::vector<MqlRates> shimChart(const ShimSymbol &symbol, datetime from, datetime to) {
  const Terminal &world = terminal();
  std::vector<MqlRates> chart;
  long lastMs = shimIsSynced() ? LONG_MAX : world.connected ? LONG_MAX : world.holeFromMs;
  chart.reserve(64);
  auto begin = std::lower_bound(symbol.rates.begin(), symbol.rates.end(), from, [](const MqlRates &bar, datetime time) { return bar.time < time; });
  for (; begin != symbol.rates.end() && begin->time <= to; ++begin) {
    MqlRates bar = *begin;
    if (!world.faults.charts) {
      chart.push_back(bar);
      continue;
    }
    long openMs = ((long)bar.time - world.serverOffsetSeconds) * 1000;
    if (openMs > shimNowMs() || openMs > lastMs) break;
    bool isInHole = !shimIsSynced() && openMs + 60000 > world.holeFromMs && openMs < world.holeToMs;
    if (isInHole) continue;
    if (openMs + 60000 + world.faults.lateTickMs > shimNowMs()) {
      bar.close = bar.high = bar.low = bar.open;
      bar.tick_volume = 1;
    }
    chart.push_back(bar);
  }
  return chart;
}
inline long SeriesInfoInteger(const string &name, ENUM_TIMEFRAMES, ENUM_SERIES_INFO_INTEGER property) {
  ShimSymbol *one = shimSymbol(name);
  if (!one) return 0;
  if (property == SERIES_SYNCHRONIZED) return !terminal().faults.charts || shimIsSynced() || (terminal().connected && shimNowMs() < terminal().staleUntilMs);
  if (property != SERIES_FIRSTDATE && property != SERIES_SERVER_FIRSTDATE) shimFail("a property of a series that the shim does not have");
  return one->rates.empty() ? 0 : (long)one->rates.front().time;
}
/** Bars whose open lies in [from, to], oldest first. */
/** All times on the server's clock as it is set now. */
inline bool CalendarValueHistory(MqlArray<MqlCalendarValue> &values, datetime from, datetime to) {
  values.raw().clear();
  if (terminal().newsFails) {
    terminal().lastError = 5401;
    return false;
  }
  for (size_t i = 0; i < terminal().news.size(); i++) {
    datetime shown = (datetime)(terminal().news[i].utc + terminal().serverOffsetSeconds);
    if (shown >= from && shown <= to) values.raw().push_back({i, i, shown});
  }
  return true;
}
inline bool CalendarEventById(ulong id, MqlCalendarEvent &event) {
  const ShimNews &news = terminal().news[id];
  event = {id, news.mode, id, (ENUM_CALENDAR_EVENT_IMPORTANCE)news.importance, string(news.name)};
  return true;
}
inline bool CalendarCountryById(ulong id, MqlCalendarCountry &country) {
  country = {id, string(""), string(""), string(terminal().news[id].currency)};
  return true;
}
inline int CopyRates(const string &name, ENUM_TIMEFRAMES, datetime from, datetime to, MqlArray<MqlRates> &rates) {
  rates.raw().clear();
  ShimSymbol *one = shimSymbol(name);
  if (!one) return -1;
  rates.raw() = shimChart(*one, from, to);
  if (terminal().faults.charts && rates.raw().empty() && shimChart(*one, to, 32535215999UL).empty()) {
    terminal().lastError = 4401;
    return -1;
  }
  return (int)rates.raw().size();
}
/** The connection is lost: the terminal's data stay as they are now. */
inline void shimDisconnect() {
  Terminal &world = terminal();
  if (shimIsSynced()) world.frozenMs = shimNowMs() - 1;
  if (shimIsSynced()) world.holeFromMs = shimNowMs();
  world.connected = false;
}
/** The connection is back; the terminal is in sync some time later. */
inline void shimConnect() {
  Terminal &world = terminal();
  world.connected = true;
  world.holeToMs = shimNowMs();
  world.syncedMs = shimNowMs() + world.faults.syncMs;
}
/** The terminal was restarted and is not connected: it shows nothing. */
inline void shimRestartTerminal() {
  Terminal &world = terminal();
  shimDisconnect();
  world.loggedIn = false;
  world.frozenMs = -1;
  if (world.faults.firstTickMs >= 0)
    for (auto &symbol : world.symbols) symbol.second.selectedMs = -1;
}

/* ---------------------------------------------------------------- account and trading */

enum ENUM_ACCOUNT_INFO_DOUBLE { ACCOUNT_EQUITY, ACCOUNT_BALANCE };
enum ENUM_ACCOUNT_INFO_INTEGER { ACCOUNT_MARGIN_MODE, ACCOUNT_TRADE_MODE, ACCOUNT_TRADE_ALLOWED, ACCOUNT_TRADE_EXPERT, ACCOUNT_LOGIN };
enum ENUM_ACCOUNT_INFO_STRING { ACCOUNT_CURRENCY, ACCOUNT_SERVER };
enum ENUM_ACCOUNT_MARGIN_MODE { ACCOUNT_MARGIN_MODE_RETAIL_NETTING, ACCOUNT_MARGIN_MODE_EXCHANGE, ACCOUNT_MARGIN_MODE_RETAIL_HEDGING };
enum ENUM_ACCOUNT_TRADE_MODE { ACCOUNT_TRADE_MODE_DEMO, ACCOUNT_TRADE_MODE_CONTEST, ACCOUNT_TRADE_MODE_REAL };
enum ENUM_TERMINAL_INFO_INTEGER { TERMINAL_CONNECTED, TERMINAL_TRADE_ALLOWED };
enum ENUM_TERMINAL_INFO_STRING { TERMINAL_DATA_PATH };
enum ENUM_MQL_INFO_INTEGER { MQL_TRADE_ALLOWED, MQL_TESTER, MQL_OPTIMIZATION };
inline double AccountInfoDouble(ENUM_ACCOUNT_INFO_DOUBLE what) {
  if (!terminal().loggedIn) return 0;
  return what == ACCOUNT_EQUITY ? terminal().equity : terminal().balance;
}
inline string AccountInfoString(ENUM_ACCOUNT_INFO_STRING what) {
  if (!terminal().loggedIn) return string();
  return string(what == ACCOUNT_SERVER ? "Shim-Demo" : terminal().currency);
}
inline long AccountInfoInteger(ENUM_ACCOUNT_INFO_INTEGER what) {
  if (!terminal().loggedIn) return 0;
  switch (what) {
    case ACCOUNT_MARGIN_MODE: return terminal().hedging ? ACCOUNT_MARGIN_MODE_RETAIL_HEDGING : ACCOUNT_MARGIN_MODE_RETAIL_NETTING;
    case ACCOUNT_TRADE_MODE: return ACCOUNT_TRADE_MODE_DEMO;
    case ACCOUNT_LOGIN: return terminal().login;
    default: return terminal().tradeAllowed;
  }
}
inline int TerminalInfoInteger(ENUM_TERMINAL_INFO_INTEGER what) {
  return what == TERMINAL_CONNECTED ? terminal().connected : terminal().tradeAllowed;
}
inline string TerminalInfoString(ENUM_TERMINAL_INFO_STRING) { return string(terminal().commonFolder); }
inline int MQLInfoInteger(ENUM_MQL_INFO_INTEGER what) {
  if (what == MQL_TESTER) return terminal().tester;
  return what == MQL_TRADE_ALLOWED && terminal().tradeAllowed;
}

enum ENUM_TRADE_REQUEST_ACTIONS { TRADE_ACTION_DEAL = 1 };
enum ENUM_ORDER_TYPE { ORDER_TYPE_BUY, ORDER_TYPE_SELL };
enum ENUM_ORDER_TYPE_FILLING { ORDER_FILLING_FOK, ORDER_FILLING_IOC, ORDER_FILLING_RETURN };
enum ENUM_ORDER_TYPE_TIME { ORDER_TIME_GTC };
struct MqlTradeRequest {
  ENUM_TRADE_REQUEST_ACTIONS action;
  ulong magic, order;
  string symbol;
  double volume, price, stoplimit, sl, tp;
  ulong deviation;
  ENUM_ORDER_TYPE type;
  ENUM_ORDER_TYPE_FILLING type_filling;
  ENUM_ORDER_TYPE_TIME type_time;
  datetime expiration;
  string comment;
  ulong position, position_by;
};
struct MqlTradeResult {
  uint retcode;
  ulong deal, order;
  double volume, price, bid, ask;
  string comment;
  uint request_id;
  int retcode_external;
};
enum ENUM_TRADE_TRANSACTION_TYPE { TRADE_TRANSACTION_ORDER_ADD, TRADE_TRANSACTION_DEAL_ADD = 6 };
struct MqlTradeTransaction {
  ulong deal, order;
  string symbol;
  ENUM_TRADE_TRANSACTION_TYPE type;
  double price, volume;
  ulong position, position_by;
};
enum {
  TRADE_RETCODE_REQUOTE = 10004, TRADE_RETCODE_REJECT = 10006, TRADE_RETCODE_CANCEL = 10007, TRADE_RETCODE_PLACED = 10008,
  TRADE_RETCODE_DONE = 10009, TRADE_RETCODE_DONE_PARTIAL = 10010, TRADE_RETCODE_ERROR = 10011, TRADE_RETCODE_TIMEOUT = 10012,
  TRADE_RETCODE_INVALID = 10013, TRADE_RETCODE_INVALID_VOLUME = 10014, TRADE_RETCODE_INVALID_PRICE = 10015,
  TRADE_RETCODE_TRADE_DISABLED = 10017, TRADE_RETCODE_MARKET_CLOSED = 10018, TRADE_RETCODE_NO_MONEY = 10019,
  TRADE_RETCODE_PRICE_CHANGED = 10020, TRADE_RETCODE_PRICE_OFF = 10021, TRADE_RETCODE_TOO_MANY_REQUESTS = 10024,
  TRADE_RETCODE_CLIENT_DISABLES_AT = 10027, TRADE_RETCODE_LOCKED = 10028, TRADE_RETCODE_INVALID_FILL = 10030,
  TRADE_RETCODE_CONNECTION = 10031, TRADE_RETCODE_POSITION_CLOSED = 10036, TRADE_RETCODE_FIFO_CLOSE = 10045
};
enum ENUM_DEAL_TYPE { DEAL_TYPE_BUY, DEAL_TYPE_SELL };
enum ENUM_DEAL_ENTRY { DEAL_ENTRY_IN, DEAL_ENTRY_OUT, DEAL_ENTRY_INOUT };
enum ENUM_POSITION_TYPE { POSITION_TYPE_BUY, POSITION_TYPE_SELL };
enum ENUM_DEAL_PROPERTY_INTEGER { DEAL_ORDER, DEAL_TIME, DEAL_TIME_MSC, DEAL_TYPE, DEAL_ENTRY, DEAL_MAGIC, DEAL_POSITION_ID, DEAL_REASON };
enum ENUM_DEAL_REASON { DEAL_REASON_CLIENT, DEAL_REASON_MOBILE, DEAL_REASON_WEB, DEAL_REASON_EXPERT };
enum ENUM_DEAL_PROPERTY_DOUBLE { DEAL_VOLUME, DEAL_PRICE, DEAL_COMMISSION, DEAL_SWAP, DEAL_PROFIT, DEAL_FEE };
enum ENUM_DEAL_PROPERTY_STRING { DEAL_SYMBOL, DEAL_COMMENT };
enum ENUM_POSITION_PROPERTY_INTEGER { POSITION_TICKET, POSITION_TYPE, POSITION_MAGIC, POSITION_IDENTIFIER, POSITION_TIME };
enum ENUM_ORDER_PROPERTY_INTEGER { ORDER_TICKET, ORDER_TYPE, ORDER_STATE, ORDER_MAGIC, ORDER_POSITION_ID };
enum ENUM_ORDER_PROPERTY_DOUBLE { ORDER_VOLUME_INITIAL, ORDER_VOLUME_CURRENT };
enum ENUM_ORDER_PROPERTY_STRING { ORDER_SYMBOL, ORDER_COMMENT };
enum ENUM_ORDER_STATE {
  ORDER_STATE_STARTED, ORDER_STATE_PLACED, ORDER_STATE_CANCELED, ORDER_STATE_PARTIAL, ORDER_STATE_FILLED, ORDER_STATE_REJECTED,
  ORDER_STATE_EXPIRED, ORDER_STATE_REQUEST_ADD, ORDER_STATE_REQUEST_MODIFY, ORDER_STATE_REQUEST_CANCEL
};
enum ENUM_POSITION_PROPERTY_DOUBLE { POSITION_VOLUME, POSITION_PRICE_OPEN, POSITION_PROFIT };
enum ENUM_POSITION_PROPERTY_STRING { POSITION_SYMBOL, POSITION_COMMENT };

/** One deal of an order: changes the positions. */
inline uint shimDeal(const MqlTradeRequest &request, ulong order, double volume, MqlTradeResult &result, int part) {
  Terminal &world = terminal();
  ShimSymbol *symbol = shimSymbol(request.symbol);
  int side = request.type == ORDER_TYPE_BUY ? 1 : -1;
  // Deeper in the book the price is worse.
  double price = (side > 0 ? symbol->ask : symbol->bid) + side * part * symbol->point;
  ShimDeal deal = {world.nextTicket++, order, 0, request.symbol.utf8(), world.dropsComments ? std::string() : request.comment.utf8(),
                   side > 0 ? DEAL_TYPE_BUY : DEAL_TYPE_SELL, DEAL_ENTRY_IN, (long)request.magic, shimNowMs() + world.serverOffsetSeconds * 1000,
                   volume, price, 0, shimNowMs(), shimNowMs() + world.faults.dealLagMs * (part + 1), -world.faults.dealFee};
  ShimPosition *into = nullptr;
  for (ShimPosition &one : world.positions) {
    bool isMine = request.position != 0 ? one.ticket == request.position : one.ticket == order;
    if (world.hedging ? isMine : one.symbol == deal.symbol) into = &one;
  }
  if (world.hedging && request.position != 0 && !into) return TRADE_RETCODE_POSITION_CLOSED;
  if (!into) {
    world.positions.push_back({deal.order, deal.symbol, deal.comment, side > 0 ? POSITION_TYPE_BUY : POSITION_TYPE_SELL, deal.magic, volume, price, shimNowMs()});
    deal.position = deal.order;
  } else {
    deal.position = into->ticket;
    int held = into->type == POSITION_TYPE_BUY ? 1 : -1;
    if (held == side) {
      into->price = (into->price * into->volume + price * volume) / (into->volume + volume);
      into->volume += volume;
    } else {
      double closed = std::min(volume, into->volume);
      deal.entry = volume > into->volume + 1e-9 ? DEAL_ENTRY_INOUT : DEAL_ENTRY_OUT;
      deal.profit = held * (price - into->price) * closed * symbol->contract;
      into->volume -= volume;
      if (into->volume < -1e-9) {
        into->type = side > 0 ? POSITION_TYPE_BUY : POSITION_TYPE_SELL;
        into->volume = -into->volume;
        into->price = price;
      } else if (into->volume < 1e-9) world.positions.erase(world.positions.begin() + (into - world.positions.data()));
    }
  }
  world.deals.push_back(deal);
  world.positionLog.push_back({shimNowMs(), world.positions});
  if (part == 0) {
    result.deal = deal.ticket;
    result.order = deal.order;
    result.price = price;
  }
  return 0;
}
/** Executes at the broker's prices, in as many deals as the fault mode requires. */
inline uint shimExecute(const MqlTradeRequest &request, double volume, MqlTradeResult &result, ulong order = 0) {
  Terminal &world = terminal();
  ShimSymbol *symbol = shimSymbol(request.symbol);
  if (!symbol) return TRADE_RETCODE_INVALID;
  if (world.faults.sessions && !shimIsInSession(*symbol, shimNowMs())) return TRADE_RETCODE_MARKET_CLOSED;
  double steps = volume / symbol->stepLots;
  if (volume < symbol->minLots - 1e-9 || volume > symbol->maxLots + 1e-9 || std::fabs(steps - std::round(steps)) > 1e-6)
    return TRADE_RETCODE_INVALID_VOLUME;
  int fill = request.type_filling == ORDER_FILLING_FOK ? 1 : request.type_filling == ORDER_FILLING_IOC ? 2 : 0;
  if (fill != 0 && !(symbol->filling & fill)) return TRADE_RETCODE_INVALID_FILL;
  bool isNew = order == 0;
  if (isNew) order = world.nextTicket++;
  long all = std::lround(volume / symbol->stepLots), parts = std::min<long>(world.faults.dealsPerOrder, all), left = all;
  for (int part = 0; part < parts; part++) {
    long now = part == parts - 1 ? left : all / parts;
    left -= now;
    uint code = shimDeal(request, order, (double)now * symbol->stepLots, result, part);
    if (code != 0) return code;
  }
  if (isNew)
    world.orders.push_back({order, request.symbol.utf8(), world.dropsComments ? std::string() : request.comment.utf8(), (long)request.type, (long)request.magic,
                            request.volume, volume, shimNowMs(), shimNowMs(), shimNowMs() + world.faults.dealLagMs * parts, nullptr});
  result.volume = volume;
  return volume + 1e-9 < request.volume ? TRADE_RETCODE_DONE_PARTIAL : TRADE_RETCODE_DONE;
}
/** Executes live orders that are due. */
inline void shimSettle() {
  Terminal &world = terminal();
  while (world.firstLive < world.orders.size() && !world.orders[world.firstLive].request) world.firstLive++;
  for (size_t at = world.firstLive; at < world.orders.size(); at++) {
    ShimOrder &one = world.orders[at];
    if (!one.request || one.dueMs > shimNowMs()) continue;
    MqlTradeResult result = {};
    uint code = shimExecute(*one.request, one.executed, result, one.ticket);
    if (code != TRADE_RETCODE_DONE && code != TRADE_RETCODE_DONE_PARTIAL) one.executed = 0;
    one.request = nullptr;
    one.shownMs = shimNowMs() + world.faults.dealLagMs * world.faults.dealsPerOrder;
  }
}
/**
 * The PC sleeps while the broker continues. After waking, the terminal shows stale data, then synchronizes as after
 * connecting. To a program it seems connected all the time.
 */
inline void shimSleepPc(long ms, long noticeMs) {
  Terminal &world = terminal();
  if (shimIsSynced()) world.frozenMs = world.holeFromMs = shimNowMs();
  world.syncedMs = LONG_MAX;
  for (long end = shimNowMs() + ms; shimNowMs() < end;) {
    world.sleep(std::min(1000L, end - shimNowMs()));
    shimSettle();
  }
  world.holeToMs = shimNowMs();
  world.staleUntilMs = shimNowMs() + noticeMs;
  world.syncedMs = world.staleUntilMs + world.faults.syncMs;
}
inline bool OrderSend(const MqlTradeRequest &request, MqlTradeResult &result) {
  Terminal &world = terminal();
  shimSettle();
  world.ordersSent++;
  result = MqlTradeResult();
  if (!world.connected) {
    result.retcode = TRADE_RETCODE_CONNECTION;
    return false;
  }
  double volume = request.volume;
  uint code = world.broker ? world.broker(request, volume) : 0;
  if (code == 0 && world.faults.executionMs > 0) {
    result.order = world.nextTicket++;
    world.orders.push_back({result.order, request.symbol.utf8(), world.dropsComments ? std::string() : request.comment.utf8(), (long)request.type,
                            (long)request.magic, request.volume, volume, shimNowMs(), shimNowMs() + world.faults.executionMs, 0,
                            std::make_shared<MqlTradeRequest>(request)});
    code = TRADE_RETCODE_PLACED;
  }
  if (code == 0) code = shimExecute(request, volume, result);
  if (world.faults.bareAnswers) result.deal = 0, result.price = 0, result.volume = 0;
  if (world.answerLost) {
    result = MqlTradeResult();
    code = TRADE_RETCODE_TIMEOUT;
  }
  result.retcode = code;
  return code == TRADE_RETCODE_DONE || code == TRADE_RETCODE_DONE_PARTIAL || code == TRADE_RETCODE_PLACED;
}

/** The terminal shows what was made up to this time. */
inline long shimShownMs() { return shimIsSynced() ? LONG_MAX : terminal().frozenMs; }
inline bool shimIsShown(long madeMs, long shownMs) { return std::max(madeMs, shownMs) <= std::min(shimShownMs(), shimNowMs()); }
inline const std::vector<ShimPosition> &shimPositions() {
  static const std::vector<ShimPosition> none;
  const Terminal &world = terminal();
  shimSettle();
  if (shimIsSynced() && world.faults.positionLagMs == 0) return world.positions;
  long momentMs = std::min(shimShownMs(), shimNowMs()) - world.faults.positionLagMs;
  auto after = std::upper_bound(world.positionLog.begin(), world.positionLog.end(), momentMs, [](long ms, const auto &one) { return ms < one.first; });
  return after == world.positionLog.begin() ? none : std::prev(after)->second;
}

/** Indexes into `deals` and `orders`, ascending. */
struct ShimHistory {
  std::vector<size_t> deals, orders;
};
inline ShimHistory &shimSelected() {
  static ShimHistory selected;
  return selected;
}
/** Matching deals from the last one back to the first one that is not `recent`. */
template <class Recent, class Wanted> bool shimSelectHistory(Recent isRecent, Wanted isWanted) {
  shimSettle();
  ShimHistory &selected = shimSelected();
  selected.deals.clear(), selected.orders.clear();
  const std::vector<ShimDeal> &deals = terminal().deals;
  size_t first = deals.size();
  while (first > 0 && isRecent(deals[first - 1])) first--;
  for (; first < deals.size(); first++)
    if (isWanted(deals[first]) && shimIsShown(deals[first].madeMs, deals[first].shownMs)) selected.deals.push_back(first);
  return true;
}
inline bool HistorySelect(datetime from, datetime to) {
  return shimSelectHistory([&](const ShimDeal &deal) { return (datetime)(deal.timeMs / 1000) >= from; }, [&](const ShimDeal &deal) { return (datetime)(deal.timeMs / 1000) <= to; });
}
inline bool HistorySelectByPosition(ulong position) {
  return shimSelectHistory([&](const ShimDeal &deal) { return deal.ticket > position; }, [&](const ShimDeal &deal) { return deal.position == position; });
}
/** The index of a ticket, or none. Tickets ascend. */
template <class Item> size_t shimPlace(const std::vector<Item> &items, ulong ticket) {
  auto found = std::lower_bound(items.begin(), items.end(), ticket, [](const Item &item, ulong wanted) { return item.ticket < wanted; });
  return found != items.end() && found->ticket == ticket ? (size_t)(found - items.begin()) : SIZE_MAX;
}
inline bool HistoryDealSelect(ulong ticket) {
  const std::vector<ShimDeal> &deals = terminal().deals;
  size_t at = shimPlace(deals, ticket);
  if (at == SIZE_MAX || !shimIsShown(deals[at].madeMs, deals[at].shownMs)) return false;
  shimSelected().deals.assign(1, at);
  return true;
}
inline bool HistoryOrderSelect(ulong ticket) {
  shimSettle();
  const std::vector<ShimOrder> &orders = terminal().orders;
  for (size_t at = orders.size(); at-- > 0;)
    if (orders[at].ticket == ticket && !orders[at].request && shimIsShown(orders[at].madeMs, orders[at].shownMs)) {
      shimSelected().orders.assign(1, at);
      return true;
    }
  return false;
}
inline int HistoryDealsTotal() { return (int)shimSelected().deals.size(); }
inline ulong HistoryDealGetTicket(int index) { return terminal().deals.at(shimSelected().deals.at((size_t)index)).ticket; }
inline const ShimDeal &shimDealOf(ulong ticket) {
  const std::vector<size_t> &selected = shimSelected().deals;
  size_t at = shimPlace(terminal().deals, ticket);
  if (!std::binary_search(selected.begin(), selected.end(), at)) shimFail("a deal that was not selected");
  return terminal().deals[at];
}
inline long HistoryDealGetInteger(ulong ticket, ENUM_DEAL_PROPERTY_INTEGER property) {
  const ShimDeal &deal = shimDealOf(ticket);
  switch (property) {
    case DEAL_ORDER: return (long)deal.order;
    case DEAL_TIME: return deal.timeMs / 1000;
    case DEAL_TIME_MSC: return deal.timeMs;
    case DEAL_TYPE: return deal.type;
    case DEAL_ENTRY: return deal.entry;
    case DEAL_MAGIC: return deal.magic;
    // Manual trades have no magic number.
    case DEAL_REASON: return deal.magic == 0 ? DEAL_REASON_CLIENT : DEAL_REASON_EXPERT;
    case DEAL_POSITION_ID: return (long)deal.position;
  }
  return 0;
}
inline double HistoryDealGetDouble(ulong ticket, ENUM_DEAL_PROPERTY_DOUBLE property) {
  const ShimDeal &deal = shimDealOf(ticket);
  switch (property) {
    case DEAL_VOLUME: return deal.volume;
    case DEAL_PRICE: return deal.price;
    case DEAL_PROFIT: return deal.profit;
    case DEAL_FEE: return deal.fee;
    default: return 0;
  }
}
inline string HistoryDealGetString(ulong ticket, ENUM_DEAL_PROPERTY_STRING property) {
  const ShimDeal &deal = shimDealOf(ticket);
  return property == DEAL_SYMBOL ? string(deal.symbol) : string(deal.comment);
}
inline long shimOrderInteger(const ShimOrder &order, ENUM_ORDER_PROPERTY_INTEGER property) {
  switch (property) {
    case ORDER_TICKET: return (long)order.ticket;
    case ORDER_TYPE: return order.type;
    case ORDER_MAGIC: return order.magic;
    case ORDER_STATE:
      return order.request ? ORDER_STATE_PLACED : order.executed > order.volume - 1e-9 ? ORDER_STATE_FILLED : ORDER_STATE_CANCELED;
    default: return 0;
  }
}
inline double shimOrderDouble(const ShimOrder &order, ENUM_ORDER_PROPERTY_DOUBLE property) {
  return property == ORDER_VOLUME_INITIAL ? order.volume : order.volume - (order.request ? 0 : order.executed);
}
inline string shimOrderString(const ShimOrder &order, ENUM_ORDER_PROPERTY_STRING property) {
  return property == ORDER_SYMBOL ? string(order.symbol) : string(order.comment);
}
inline const ShimOrder &shimHistoryOrder(ulong ticket) {
  for (size_t at : shimSelected().orders)
    if (terminal().orders.at(at).ticket == ticket) return terminal().orders[at];
  shimFail("an order that was not selected");
}
inline long HistoryOrderGetInteger(ulong ticket, ENUM_ORDER_PROPERTY_INTEGER property) { return shimOrderInteger(shimHistoryOrder(ticket), property); }
inline double HistoryOrderGetDouble(ulong ticket, ENUM_ORDER_PROPERTY_DOUBLE property) { return shimOrderDouble(shimHistoryOrder(ticket), property); }
/** Live orders, as the terminal shows them. */
inline std::vector<const ShimOrder *> shimLiveOrders() {
  shimSettle();
  std::vector<const ShimOrder *> live;
  for (size_t at = terminal().firstLive; at < terminal().orders.size(); at++) {
    const ShimOrder &order = terminal().orders[at];
    if (order.request && shimIsShown(order.madeMs, 0)) live.push_back(&order);
  }
  return live;
}
inline ShimOrder &shimOrder() {
  static ShimOrder selected;
  return selected;
}
inline int OrdersTotal() { return (int)shimLiveOrders().size(); }
inline ulong OrderGetTicket(int index) {
  std::vector<const ShimOrder *> live = shimLiveOrders();
  if (index < 0 || index >= (int)live.size()) return 0;
  shimOrder() = *live[(size_t)index];
  return shimOrder().ticket;
}
inline bool OrderSelect(ulong ticket) {
  for (const ShimOrder *order : shimLiveOrders())
    if (order->ticket == ticket) {
      shimOrder() = *order;
      return true;
    }
  return false;
}
inline long OrderGetInteger(ENUM_ORDER_PROPERTY_INTEGER property) { return shimOrderInteger(shimOrder(), property); }
inline double OrderGetDouble(ENUM_ORDER_PROPERTY_DOUBLE property) { return shimOrderDouble(shimOrder(), property); }
inline string OrderGetString(ENUM_ORDER_PROPERTY_STRING property) { return shimOrderString(shimOrder(), property); }
/** A selection is a copy: it no longer changes. */
inline ShimPosition &shimPosition() {
  static ShimPosition selected;
  return selected;
}
inline int PositionsTotal() { return (int)shimPositions().size(); }
inline bool PositionSelectByTicket(ulong ticket) {
  for (const ShimPosition &one : shimPositions())
    if (one.ticket == ticket) {
      shimPosition() = one;
      return true;
    }
  return false;
}
inline ulong PositionGetTicket(int index) {
  const std::vector<ShimPosition> &shown = shimPositions();
  if (index < 0 || index >= (int)shown.size()) return 0;
  shimPosition() = shown[(size_t)index];
  return shimPosition().ticket;
}
inline long PositionGetInteger(ENUM_POSITION_PROPERTY_INTEGER property) {
  switch (property) {
    case POSITION_TYPE: return shimPosition().type;
    case POSITION_MAGIC: return shimPosition().magic;
    case POSITION_TIME: return shimPosition().madeMs / 1000 + terminal().serverOffsetSeconds;
    default: return (long)shimPosition().ticket;
  }
}
inline double PositionGetDouble(ENUM_POSITION_PROPERTY_DOUBLE property) {
  switch (property) {
    case POSITION_VOLUME: return shimPosition().volume;
    case POSITION_PRICE_OPEN: return shimPosition().price;
    default: return 0;
  }
}
inline string PositionGetString(ENUM_POSITION_PROPERTY_STRING property) {
  return string(property == POSITION_SYMBOL ? shimPosition().symbol : shimPosition().comment);
}

/* ---------------------------------------------------------------- chart */

enum ENUM_OBJECT { OBJ_LABEL, OBJ_BUTTON, OBJ_RECTANGLE_LABEL };
enum ENUM_OBJECT_PROPERTY_INTEGER {
  OBJPROP_CORNER, OBJPROP_XDISTANCE, OBJPROP_YDISTANCE, OBJPROP_XSIZE, OBJPROP_YSIZE, OBJPROP_COLOR, OBJPROP_BGCOLOR,
  OBJPROP_FONTSIZE, OBJPROP_STATE, OBJPROP_SELECTABLE, OBJPROP_HIDDEN, OBJPROP_BACK
};
enum ENUM_OBJECT_PROPERTY_STRING { OBJPROP_TEXT, OBJPROP_FONT };
enum ENUM_BASE_CORNER { CORNER_LEFT_UPPER };
enum { clrWhite = 0xFFFFFF, clrSilver = 0xC0C0C0, clrBlack = 0, clrFireBrick = 0x2222B2, clrDarkSlateGray = 0x4F4F2F, clrOrange = 0xA5FF };
enum ENUM_CHART_EVENT { CHARTEVENT_OBJECT_CLICK = 1, CHARTEVENT_CUSTOM = 1000 };
enum { INIT_SUCCEEDED = 0, INIT_FAILED = 1, INIT_PARAMETERS_INCORRECT = 32767 };
inline bool ObjectCreate(long, const string &name, ENUM_OBJECT, int, datetime, double) {
  terminal().labels[name.utf8()] = "";
  return true;
}
inline bool ObjectDelete(long, const string &name) { return terminal().labels.erase(name.utf8()) > 0; }
inline int ObjectsDeleteAll(long, const string &prefix, int = -1, int = -1) {
  int count = 0;
  for (auto one = terminal().labels.begin(); one != terminal().labels.end();)
    if (one->first.compare(0, prefix.utf8().size(), prefix.utf8()) == 0) one = terminal().labels.erase(one), count++;
    else ++one;
  return count;
}
inline int ObjectFind(long, const string &name) { return terminal().labels.count(name.utf8()) ? 0 : -1; }
inline bool ObjectSetInteger(long, const string &, ENUM_OBJECT_PROPERTY_INTEGER, long) { return true; }
inline bool ObjectSetString(long, const string &name, ENUM_OBJECT_PROPERTY_STRING property, const string &text) {
  if (property == OBJPROP_TEXT) terminal().labels[name.utf8()] = text.utf8();
  return true;
}
inline void ChartRedraw(long = 0) {}
