//+------------------------------------------------------------------+
//| Trades on the signals of a minutehand daemon. See mt5/README.md. |
//+------------------------------------------------------------------+
#property copyright "minutehand"
#property version   "1.00"
#property description "Trades pairs on the signals of a minutehand daemon: by file or by Redis, on paper unless told otherwise."

#include <Minutehand\Agent.mqh>
#include <Minutehand\Replay.mqh>
#include <Minutehand\WakeEvent.mqh>

enum MhWay
  {
   MH_WAY_FILES, // files (Common\Files)
   MH_WAY_REDIS, // Redis
   MH_WAY_BOTH   // both, the first to arrive counts
  };

enum MhBars
  {
   MH_BARS_OFF,  // do not send bars
   MH_BARS_HTTP, // POST /bars
   MH_BARS_REDIS // stream minutehand:bars
  };

input group "Signals"
input string InpPairs = "XAUUSD_XAGUSD,AUDUSD_NZDUSD,EURUSD_GBPUSD,EURUSD_USDCHF,AUDUSD_USDCAD,NZDUSD_USDCAD,GBPUSD_USDCHF,SPXUSD_NSXUSD,USDCAD_BCOUSD,USDJPY_USDCHF"; // Pairs, as the daemon names them, or @file
input MhWay  InpWay = MH_WAY_FILES;                    // Input of signals
input string InpFolder = "minutehand";                 // Folder below Common\Files
input int    InpMaxSkewMs = 2000;                      // Clock of the daemon ahead by more: refuse (ms)
input group "Trading"
input bool   InpPaper = true;                          // Paper: no orders are sent
input bool   InpOtherMarkets = true;                   // Paper: follow simulated and replayed markets too
input string InpSymbols = "";                          // Broker's names, e.g. XAUUSD=GOLD,SPXUSD=US500, or @file
input string InpSuffix = "";                           // Suffix of all others, e.g. .m
input long   InpMagic = 740000;                        // Magic number
input double InpRisk = 0.5;                            // Gross notional of both legs at full size, as a share of equity
input double InpStopPercent = 1.0;                     // Own stop of a pair, % of equity (0: none)
input group "Caps no signal can exceed"
input double InpMaxLots = 1.0;                         // Lots of a leg
input double InpMaxHedgeError = 0.2;                   // Leg B away from |beta| by rounding, share
input double InpMaxSpreadBps = 8.0;                    // Spread of a leg (bps)
input double InpMaxDriftBps = 15.0;                    // Price away from that of the signal (bps)
input double InpSlippageBps = 3.0;                     // Deviation of an order, instant execution (bps)
input int    InpMaxOpenPairs = 3;                      // Open pairs
input double InpDailyLossPercent = 2.0;                // Loss of a UTC day, % of equity (0: none)
input group "Redis"
input string InpRedisHost = "127.0.0.1";               // Host
input int    InpRedisPort = 6379;                      // Port
input string InpRedisUser = "";                        // User (access lists)
input string InpRedisPassword = "";                    // Password
input int    InpRedisDatabase = 0;                     // Database
input int    InpRedisTimeoutMs = 100;                  // Longest wait for a connection (ms)
input bool   InpFillsToRedis = false;                  // Send fills to minutehand:fills
input group "Bars to the daemon"
input MhBars InpBars = MH_BARS_OFF;                    // Output of bars
input string InpBarsUrl = "http://127.0.0.1:7400";     // Address of the daemon
input string InpBarsToken = "";                        // MINUTEHAND_TOKEN, for another machine
input MhDst  InpServerDst = MH_DST_US;                 // Summer time of the broker's server
input int    InpHistoryBars = 1500;                    // History at the start (bars)
input bool   InpNews = false;                          // Send the economic calendar, for news_stop
input group "Paper"
input double InpPaperEquity = 10000.0;                 // Equity to begin with
input double InpPaperSpreadBps = 1.0;                  // Spread on simulated markets (bps)
input double InpPaperSlippageBps = 0.2;                // Slippage (bps)
input group "Strategy tester"
input string InpTesterFile = "minutehand\\tester_signals.csv"; // Signals of `minutehand ea export-signals`, in Common\Files
input double InpTesterOffset = 2.0;                    // Server's offset from UTC in winter (hours)
input group "Terminal"
input int    InpTimerMs = 100;                         // Timer (ms)
input bool   InpWake = false;                          // Also react to the service MinutehandWake (untried on Windows)
input bool   InpPanel = true;                          // Panel on the chart
input bool   InpTrace = false;                         // Write every checked text to trace.jsonl

MhAgent g_agent;
MhReplay g_replay;
bool    g_isReplaying = false;
ulong   g_panelTick = 0;
bool    g_isRunning = false;
int     g_panelRows = 0;

#define MH_PANEL "minutehand_"
#define MH_BUTTON "minutehand_kill"
#define MH_PANEL_WIDTH 60

void MhPanelObject(const string name, const ENUM_OBJECT kind, const int x, const int y)
  {
   if(ObjectFind(0, name) >= 0)
      return;
   ObjectCreate(0, name, kind, 0, 0, 0);
   ObjectSetInteger(0, name, OBJPROP_CORNER, CORNER_LEFT_UPPER);
   ObjectSetInteger(0, name, OBJPROP_XDISTANCE, x);
   ObjectSetInteger(0, name, OBJPROP_YDISTANCE, y);
   ObjectSetInteger(0, name, OBJPROP_SELECTABLE, 0);
   ObjectSetInteger(0, name, OBJPROP_HIDDEN, 1);
   ObjectSetInteger(0, name, OBJPROP_FONTSIZE, 9);
   ObjectSetString(0, name, OBJPROP_FONT, "Consolas");
   ObjectSetInteger(0, name, OBJPROP_COLOR, clrSilver);
  }

void MhPanelRow(const int row, const string text)
  {
   string name = MH_PANEL + "line" + IntegerToString(row);
   MhPanelObject(name, OBJ_LABEL, 10, 48 + row * 16);
   ObjectSetString(0, name, OBJPROP_TEXT, text);
  }

void MhDrawPanel()
  {
   if(!InpPanel)
      return;
   MhPanelObject(MH_BUTTON, OBJ_BUTTON, 10, 20);
   ObjectSetInteger(0, MH_BUTTON, OBJPROP_XSIZE, 170);
   ObjectSetInteger(0, MH_BUTTON, OBJPROP_YSIZE, 22);
   ObjectSetInteger(0, MH_BUTTON, OBJPROP_COLOR, clrWhite);
   ObjectSetInteger(0, MH_BUTTON, OBJPROP_BGCOLOR, g_agent.IsKilled() ? clrFireBrick : clrDarkSlateGray);
   ObjectSetInteger(0, MH_BUTTON, OBJPROP_STATE, g_agent.IsKilled() ? 1 : 0);
   ObjectSetString(0, MH_BUTTON, OBJPROP_TEXT, g_agent.IsKilled() ? "KILLED: click to resume" : "KILL: close all");
   int row = 0;
   for(int line = 0; line < g_agent.PanelLines(); line++)
     {
      string text = g_agent.PanelLine(line);
      // A label shows 63 characters at most.
      while(StringLen(text) > 0)
        {
         string rest = "";
         if(StringLen(text) > MH_PANEL_WIDTH)
           {
            int cut = MH_PANEL_WIDTH;
            while(cut > MH_PANEL_WIDTH / 2 && StringGetCharacter(text, cut) != ' ')
               cut--;
            rest = "    " + StringSubstr(text, cut);
            text = StringSubstr(text, 0, cut);
           }
         MhPanelRow(row, text);
         row++;
         text = rest;
        }
     }
   for(int old = row; old < g_panelRows; old++)
      MhPanelRow(old, " ");
   g_panelRows = row;
   ChartRedraw(0);
  }

// The strategy tester has neither sockets nor the daemon: a file of signals is replayed.
int StartReplay()
  {
   MhReplaySettings settings;
   settings.file = InpTesterFile;
   settings.winterOffset = (int)MathRound(InpTesterOffset * 60) * 60;
   settings.dst = InpServerDst;
   settings.symbols = InpSymbols;
   settings.suffix = InpSuffix;
   settings.magic = InpMagic;
   settings.risk = InpRisk;
   settings.maxLots = InpMaxLots;
   settings.maxHedgeError = InpMaxHedgeError;
   settings.maxSpreadBps = InpMaxSpreadBps;
   settings.maxDriftBps = InpMaxDriftBps;
   settings.slippageBps = InpSlippageBps;
   settings.maxOpenPairs = InpMaxOpenPairs;
   settings.dailyLossPercent = InpDailyLossPercent;
   settings.stopPercent = InpStopPercent;
   // Agents of an optimization run at the same time.
   settings.writesFills = MQLInfoInteger(MQL_OPTIMIZATION) == 0;
   if(!g_replay.Start(settings))
      return INIT_PARAMETERS_INCORRECT;
   g_isReplaying = true;
   // Legs have ticks when the chart's symbol has none.
   return EventSetMillisecondTimer(1000) ? INIT_SUCCEEDED : INIT_FAILED;
  }

int OnInit()
  {
   if(MQLInfoInteger(MQL_TESTER) != 0)
      return StartReplay();
   MhSettings settings;
   settings.pairs = InpPairs;
   settings.symbols = InpSymbols;
   settings.suffix = InpSuffix;
   settings.folder = InpFolder;
   settings.paper = InpPaper;
   settings.otherMarkets = InpPaper && InpOtherMarkets;
   settings.magic = InpMagic;
   settings.useFiles = InpWay != MH_WAY_REDIS;
   settings.useRedis = InpWay != MH_WAY_FILES;
   settings.redisHost = InpRedisHost;
   settings.redisPort = InpRedisPort;
   settings.redisUser = InpRedisUser;
   settings.redisPassword = InpRedisPassword;
   settings.redisDatabase = InpRedisDatabase;
   settings.redisTimeoutMs = InpRedisTimeoutMs;
   settings.barsUrl = InpBars == MH_BARS_HTTP ? InpBarsUrl : "";
   settings.barsToken = InpBarsToken;
   settings.barsToRedis = InpBars == MH_BARS_REDIS;
   settings.fillsToRedis = InpFillsToRedis;
   settings.dst = InpServerDst;
   settings.historyBars = InpHistoryBars;
   settings.news = InpNews;
   settings.risk = InpRisk;
   settings.maxLots = InpMaxLots;
   settings.maxHedgeError = InpMaxHedgeError;
   settings.maxSpreadBps = InpMaxSpreadBps;
   settings.maxDriftBps = InpMaxDriftBps;
   settings.slippageBps = InpSlippageBps;
   settings.maxOpenPairs = InpMaxOpenPairs;
   settings.dailyLossPercent = InpDailyLossPercent;
   settings.stopPercent = InpStopPercent;
   settings.paperEquity = InpPaperEquity;
   settings.paperSpreadBps = InpPaperSpreadBps;
   settings.paperSlippageBps = InpPaperSlippageBps;
   settings.maxSkewMs = InpMaxSkewMs;
   settings.trace = InpTrace;
   if(!g_agent.Start(settings))
      return INIT_PARAMETERS_INCORRECT;
   g_isRunning = true;
   if(!EventSetMillisecondTimer(InpTimerMs < 10 ? 10 : InpTimerMs))
      return INIT_FAILED;
   MhDrawPanel();
   return INIT_SUCCEEDED;
  }

void OnDeinit(const int reason)
  {
   EventKillTimer();
   if(g_isReplaying)
      Print("minutehand: ", g_replay.Summary());
   g_isReplaying = false;
   if(g_isRunning)
      g_agent.Stop();
   g_isRunning = false;
   // For any reason: the next start draws it again.
   if(reason >= 0)
      ObjectsDeleteAll(0, MH_PANEL);
  }

void OnTimer()
  {
   if(g_isReplaying)
      g_replay.Turn();
   if(!g_isRunning)
      return;
   g_agent.Timer();
   if(GetTickCount64() < g_panelTick)
      return;
   g_panelTick = GetTickCount64() + 500;
   MhDrawPanel();
  }

// Everything is driven by the timer, not by ticks of this chart's symbol, but in the strategy tester.
void OnTick()
  {
   if(g_isReplaying)
      g_replay.Turn();
  }

// A deal of this account, own or by hand: handled now instead of at the next timer event.
void OnTradeTransaction(const MqlTradeTransaction &trans, const MqlTradeRequest &request, const MqlTradeResult &result)
  {
   if(g_isRunning && trans.type == TRADE_TRANSACTION_DEAL_ADD)
      g_agent.Timer();
  }

void OnChartEvent(const int id, const long &lparam, const double &dparam, const string &sparam)
  {
   if(g_isRunning && InpWake && id == CHARTEVENT_CUSTOM + MH_WAKE_EVENT)
      g_agent.Timer();
   bool isClick = id == CHARTEVENT_OBJECT_CLICK && lparam >= 0 && dparam >= 0;
   if(!g_isRunning || !isClick || sparam != MH_BUTTON)
      return;
   g_agent.SwitchKill();
   MhDrawPanel();
  }
