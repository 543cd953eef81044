(function(){
"use strict";
var data=JSON.parse(document.getElementById("series").textContent);
var boxes=[];
function style(name){return getComputedStyle(document.documentElement).getPropertyValue(name).trim();}
function short(v){
  if(v==null)return "";
  if(v>=1e9)return +(v/1e9).toFixed(1)+"G";
  if(v>=1e6)return +(v/1e6).toFixed(1)+"M";
  if(v>=1e3)return +(v/1e3).toFixed(1)+"k";
  return String(+v.toFixed(v<10?2:0));
}
// Days and hours as everybody writes them; the day where it begins, and at the left.
var times=[[86400,"{YYYY}-{MM}-{DD}",null,null,null,null,null,null,1],[60,"{HH}:{mm}","\n{YYYY}-{MM}-{DD}",null,"\n{YYYY}-{MM}-{DD}",null,null,null,1]];
function full(u,v){return v==null?"–":v.toLocaleString("en",{maximumFractionDigits:v<10?2:0});}
function draw(box){
  box.innerHTML="";
  var names=box.dataset.series.split(","),labels=box.dataset.labels.split(","),colours=box.dataset.colours.split(",");
  var axis={stroke:style("--dim"),grid:{stroke:style("--line"),width:1},ticks:{stroke:style("--line"),width:1},font:"12px system-ui, sans-serif"};
  var stepped=box.dataset.stepped?uPlot.paths.stepped({align:1}):undefined;
  var series=[{value:"{YYYY}-{MM}-{DD} {HH}:{mm}"}].concat(names.map(function(name,i){
    var colour=style(colours[i]);
    return {label:labels[i],stroke:colour,width:1.5,fill:colour+"22",paths:stepped,points:{show:data.t.length<40,size:5},value:full};
  }));
  box.uplot=new uPlot({
    width:Math.max(240,box.clientWidth),height:210,series:series,
    axes:[Object.assign({values:times},axis),Object.assign({size:48,values:function(u,vs){return vs.map(short);}},axis)],
    scales:{y:{range:function(u,min,max){return [0,max>0?max*1.08:1];}}},
    tzDate:function(ts){return uPlot.tzDate(new Date(ts*1e3),"Etc/UTC");},
    cursor:{sync:{key:"t"},points:{size:6}},legend:{live:true}
  },[data.t].concat(names.map(function(name){return data[name];})),box);
}
function all(){boxes.forEach(draw);}
if(data.t.length>1){
  boxes=Array.prototype.slice.call(document.querySelectorAll(".chart"));
  all();
  var width=window.innerWidth,timer=0;
  window.addEventListener("resize",function(){
    if(window.innerWidth===width)return;
    width=window.innerWidth;clearTimeout(timer);timer=setTimeout(all,120);
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change",all);
}
})();
